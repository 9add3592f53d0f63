// What came in live, as a trace of the last minute that the same curves and the same plane can show; and as a table to keep.

import { makeLive } from "./live.js";
import { saveText } from "./markers.js";
import { readTrace } from "./trace.js";

const SHOWN_SECONDS = 60;
const KEPT_VALUES = 100000; // for saving: nearly two hours; older ones are let go
const COLUMNS = [
  "frame",
  "time",
  "person",
  "valence",
  "arousal",
  "face",
  "voice",
  "face_score",
  "gate_face",
  "gate_voice",
];
const SERIES = COLUMNS.slice(3);

const $ = (id) => document.getElementById(id);
const orNull = (value) => (typeof value === "number" || typeof value === "boolean" ? Number(value) : null);

// on: {show(trace, view), refused(sentence)}
export function makeLiveView(on) {
  let values = [],
    begin = null,
    told = 0,
    isFlowing = false,
    state = "";
  const live = makeLive($("camera"), { value: take, state: tellState, stopped, started });

  function take(value) {
    if (begin === null) begin = value.time;
    values.push({ ...value, time: value.time - begin });
    if (values.length > KEPT_VALUES) values.shift();
    draw();
    if (performance.now() - told < 500) return;
    told = performance.now();
    if (!isFlowing) $("live-state").textContent = "Live."; // said once; a screen reader would read out every delay
    isFlowing = true;
    $("live-delay").textContent =
      "Delay " + value.delay.toFixed(2) + " s" + (value.dropped ? ", " + value.dropped + (value.dropped === 1 ? " picture" : " pictures") + " left out" : "");
  }

  function draw() {
    const last = values.length ? values[values.length - 1].time : 0;
    const recent = values.slice(values.findIndex((one) => one.time >= last - SHOWN_SECONDS));
    const person = { person: 0 };
    for (const name of SERIES) person[name] = recent.map((one) => orNull(one[name]));
    const trace = readTrace({ name: "Live", times: recent.map((one) => one.time), people: [person] });
    on.show(trace, { from: Math.max(0, last - SHOWN_SECONDS), to: Math.max(SHOWN_SECONDS, last) });
  }

  function started() {
    $("live-start").textContent = "Stop";
    if (!values.length && !state) $("live-state").textContent = "Waiting for the first value …";
  }

  function tellState(told) {
    state = told;
    if (!values.length)
      $("live-state").textContent =
        told === "loading" ? "The model is being loaded …" : "Ready; the first value comes now.";
  }

  function stopped(sentence) {
    $("live-start").textContent = "Start";
    $("live-state").textContent = sentence || "Stopped.";
    $("live-delay").textContent = "";
    $("live-save").hidden = !values.length;
  }

  function toggle() {
    if (live.running) {
      live.stop();
      return;
    }
    values = [];
    begin = null;
    told = 0;
    isFlowing = false;
    state = "";
    $("live-save").hidden = true;
    $("live-start").textContent = "Stop";
    $("live-state").textContent = "Asking for camera and microphone …";
    live.start();
  }

  const cell = (value) =>
    value === null || value === undefined ? "" : typeof value === "boolean" ? Number(value) : value;
  function save() {
    const rows = values.map((one, n) =>
      [n + 1, one.time.toFixed(6), 0, ...SERIES.map((name) => cell(one[name]))].join(","),
    );
    saveText("live.csv", COLUMNS.join(",") + "\n" + rows.map((row) => row + "\n").join(""), "text/csv");
  }

  $("live-start").addEventListener("click", toggle);
  $("live-save").addEventListener("click", save);
  return {
    open: draw,
    close: () => live.stop(),
    get running() {
      return live.running;
    },
  };
}
