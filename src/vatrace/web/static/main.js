// The page: which clip is open, and what its parts tell one another.

import { drawAbout, drawExpiry, drawWork } from "./about.js";
import { makeActions } from "./actions.js";
import { clipPath, limits as askLimits, traceOf } from "./api.js";
import { hadTimeLeft, limitWords, makeClips } from "./clips.js";
import { listenToDrops } from "./drops.js";
import { makeFaces } from "./faces.js";
import { fillSheet, listenToKeys } from "./keys.js";
import { makeLiveView } from "./liveview.js";
import { makeMarkers, saveTrack } from "./markers.js";
import { makePlayer, RATES } from "./player.js";
import { listenToRecorder } from "./record.js";
import { makeStretch } from "./stretch.js";
import { makeTable } from "./table.js";
import { colours, listenToTheme } from "./theme.js";
import { makeTimeline } from "./timeline.js";
import { framesOf, indexAt, insideFrame, readTrace } from "./trace.js";
import { makeView } from "./view.js";
import { clock, span } from "./words.js";

const $ = (id) => document.getElementById(id);
const parts = (names) => Object.fromEntries(Object.entries(names).map(([name, id]) => [name, $(id)]));
const TITLE = "A trace of your own video";

let limits = {};
let open = null; // id of the clip whose trace is shown
let asked = null; // id of the clip whose trace is on its way
let traceIsOn = false;
let wantsKeys = false; // a person chose a clip: the player takes the keyboard as soon as it is there
let orphans = []; // markers of a clip that was deleted

// ---- a clip's parts ------------------------------------------------------------------------------------------------

const player = makePlayer($("video"), {
  shown: onShown,
  changed: drawTransport,
  ended: onEnded,
  unplayable: () => pictureSays("The browser cannot play this clip; the trace below is whole, on a silent clock."),
});
const timeline = makeTimeline(
  parts({
    box: "curves-box",
    slider: "timeline",
    cursor: "cursor",
    hover: "hover",
    tip: "tip",
    overview: "overview",
    thumb: "overview-thumb",
  }),
  {
    seek: seekIndex,
    choose: (from, to) => stretch.set(from, to),
    changed: () => view.redraw(),
    tip: (i) => view.tip(i),
  },
);
const stretch = makeStretch(
  parts({ title: "stretch-title", rows: "stretch-rows", basis: "stretch-basis", clear: "stretch-clear", loop: "loop" }),
  drawStretch,
);
const markers = makeMarkers(parts({ list: "markers", none: "marker-none", save: "marker-save" }), {
  seek: seekTime,
  changed: () => view.redraw(),
  say,
});
const table = makeTable(
  parts({
    details: "table",
    head: "table-head",
    body: "table-body",
    step: "table-step",
    before: "table-before",
    after: "table-after",
    place: "table-place",
  }),
);
const view = makeView({
  timeline,
  colours,
  markers: () => (isLive() ? [] : markers.all),
  stretch: () => (isLive() ? null : stretch.now),
  playing: () => isLive() || !player.paused,
  chosen: (person) => {
    table.show(view.trace, person);
    faces.choose(person);
    drawStretch();
  },
});
const faces = makeFaces(
  { layer: $("faces"), video: $("video"), field: $("faces-field"), isOn: $("faces-on") },
  (person) => view.choose(person),
);
const live = makeLiveView({
  show: (trace, at) => {
    if (isLive()) {
      view.show(trace, { live: true, view: at });
      view.moment(trace.last);
    }
  },
});

const isLive = () => document.body.dataset.view === "live";
function say(sentence) {
  $("news").textContent = sentence;
}
// Says what went wrong; takes back only the sentence `instead`, where that is given.
function refuse(sentence, instead = null) {
  const shown = $("message").textContent;
  if (shown === sentence || (instead !== null && shown !== instead)) return;
  $("message").textContent = sentence;
  $("message").hidden = !sentence;
}

function onShown(time) {
  if (!traceIsOn || isLive()) return;
  const { trace } = view,
    i = indexAt(trace.times, time);
  if (stretch.looping && !player.paused) {
    const [first, last] = framesOf(trace, stretch.now);
    if (player.rate > 0 ? i > last : i < first) {
      comeRound();
      return;
    }
  }
  showMoment(i);
}

function showMoment(i) {
  view.moment(i);
  faces.moment(i);
  table.current = i;
}

function onEnded() {
  if (!stretch.looping) {
    drawTransport();
    return;
  }
  comeRound();
  if (player.rate > 0) player.play();
}

// The loop goes on at its other end.
function comeRound() {
  const [first, last] = framesOf(view.trace, stretch.now);
  seekIndex(player.rate > 0 ? first : last);
}

function seekIndex(i) {
  const { trace } = view;
  if (!traceIsOn || isLive() || trace.last < 0) return;
  const target = Math.max(0, Math.min(trace.last, i));
  player.seek(insideFrame(trace, target));
  timeline.follow(trace.times[target]);
  showMoment(target);
}
function seekTime(time) {
  if (traceIsOn) seekIndex(indexAt(view.trace.times, time));
}

function drawStretch() {
  if (!traceIsOn || isLive()) return;
  stretch.draw(view.trace, view.chosen);
  view.redraw();
}

function drawTransport() {
  const playing = !player.paused,
    rate = (player.rate < 0 ? "−" : "") + Math.abs(player.rate) + "×";
  $("play").setAttribute("aria-label", playing ? "Pause" : "Play");
  $("play-shape").setAttribute("d", playing ? "M7 5h4v14H7zM13 5h4v14h-4z" : "M8 5v14l11-7z");
  $("rate").textContent = rate;
  $("rate").setAttribute("aria-label", "Speed " + rate);
  if (!playing && traceIsOn && !isLive()) {
    view.drawPoint();
    view.tell();
    view.speak();
  }
}

function pictureSays(sentence) {
  $("no-picture").textContent = sentence;
  $("no-picture").hidden = !sentence;
}

// ---- which clip is open --------------------------------------------------------------------------------------------

const clips = makeClips(
  { section: $("queue"), list: $("clips") },
  {
    select: (clip) => {
      wantsKeys = false;
      if (clip) leaveLive();
    },
    opened: takeKeys,
    changed: follow,
    lost: tellLost,
    refused: refuse,
    news: say,
    limits: () => limits,
  },
);

// The keys of the player work in the player alone: it takes the focus from what a person opened the clip with, and from
// nothing else.
function takeKeys() {
  wantsKeys = true;
  $("lost").hidden = true;
  if (traceIsOn && !isLive() && clips.selected && open === clips.selected.id) giveKeys();
}
function giveKeys() {
  const has = document.activeElement;
  if (wantsKeys && (!has || has === document.body || has.matches("#choose, #record, #go-live, #work-again, .open")))
    $("player").focus({ preventScroll: true });
  wantsKeys = false;
}

// The clip that was open is gone from the server: by its time, or by another window.
function tellLost(clip) {
  const kept = "Clips are deleted after " + (limits.keep_seconds ? span(limits.keep_seconds) : "a while");
  const why = hadTimeLeft(clip) ? "It was removed in another window." : kept + ", or removed in another window.";
  $("lost-words").textContent = "This clip was deleted: " + clip.name + ". " + why;
  orphans = markers.take(clip.id);
  $("lost-save").hidden = !orphans.length;
  $("lost").hidden = false;
  $("title").focus({ preventScroll: true });
}

// Called whenever the chosen clip, or how far it has come, has changed.
function follow(clip) {
  if (isLive()) return;
  document.body.dataset.view = clip ? "clip" : "home";
  $("title").textContent = clip ? clip.name : TITLE;
  document.title = (clip ? clip.name + " · " : "") + "vatrace";
  const ready = clip && clip.state === "done";
  if (!ready || open !== clip.id) closeTrace();
  drawWork(clip);
  if (ready) drawExpiry(clip);
  if (ready && open !== clip.id && asked !== clip.id) openTrace(clip);
}

function closeTrace() {
  if (open === null && !traceIsOn) return;
  open = null;
  traceIsOn = false;
  player.unload();
  view.clear();
  faces.show(null);
  showParts(false);
}

function showParts(isThere) {
  for (const id of ["player", "below", "table"]) $(id).hidden = !isThere;
}

async function openTrace(clip) {
  asked = clip.id;
  let trace;
  try {
    trace = readTrace(await traceOf(clip.id));
  } catch (refusal) {
    asked = null;
    refuse(refusal.message);
    return;
  }
  asked = null;
  if (isLive() || !clips.selected || clips.selected.id !== clip.id) return;
  open = clip.id;
  traceIsOn = true;
  showParts(true);
  showOnly("clip");
  drawAbout(clip, trace);
  drawRemark(trace.remark || limits.remark);
  markers.load(clip.id);
  view.show(trace);
  table.show(trace, view.chosen);
  faces.show(trace);
  faces.choose(view.chosen);
  stretch.clear();
  pictureSays("");
  player.load(clipPath(clip.id, "video"), trace);
  $("duration").textContent = clock(trace.end);
  showMoment(0);
  giveKeys();
}

function drawRemark(remark) {
  $("remark").textContent = remark || "";
  $("remark").hidden = !remark;
}

function showOnly(kind) {
  document.querySelectorAll("[data-only]").forEach((one) => {
    one.hidden = one.dataset.only !== kind;
  });
}

// ---- live ----------------------------------------------------------------------------------------------------------

function enterLive() {
  closeTrace();
  document.body.dataset.view = "live";
  $("title").textContent = "Live";
  document.title = "Live · vatrace";
  $("work").hidden = $("people").hidden = true;
  $("player").hidden = false;
  $("video").hidden = true;
  $("camera").hidden = false;
  pictureSays("");
  showOnly("live");
  $("timeline").dataset.still = "yes";
  $("go-live").setAttribute("aria-pressed", "true");
  $("lost").hidden = true;
  $("curves-caption").textContent =
    "The last minute, value by value as it comes. Each value uses only what came before it.";
  if (location.hash !== "#live") history.replaceState(null, "", "#live");
  drawRemark(limits.remark);
  live.open();
}

function leaveLive() {
  if (!isLive()) return;
  live.close();
  view.clear();
  delete $("timeline").dataset.still;
  $("camera").hidden = true;
  $("player").hidden = true;
  $("go-live").setAttribute("aria-pressed", "false");
  document.body.dataset.view = "home";
  history.replaceState(null, "", location.pathname);
  follow(clips.selected);
}

// ---- what people do ------------------------------------------------------------------------------------------------

const act = makeActions({ player, view, timeline, stretch, markers, seekIndex, seekTime });

function listenToButtons() {
  const buttons = {
    play: act.toggle,
    back: () => act.step(-1),
    forth: () => act.step(1),
    "loop-from": act.loopFrom,
    "loop-to": act.loopTo,
    mark: act.mark,
    "zoom-in": () => act.zoom(1),
    "zoom-out": () => act.zoom(-1),
    "zoom-fit": act.fit,
    help: () => $("sheet").showModal(),
    rate: () => player.setRate(RATES[(RATES.indexOf(Math.abs(player.rate)) + 1) % RATES.length]),
    video: act.toggle,
    choose: () => $("file").click(),
    "work-remove": () => clips.selected && clips.remove(clips.selected.id),
    "work-again": () => clips.selected && clips.again(clips.selected.id),
    "lost-save": () => saveTrack(orphans),
    "go-live": () => (isLive() ? leaveLive() : enterLive()),
  };
  for (const [id, action] of Object.entries(buttons)) $(id).addEventListener("click", action);
  $("file").addEventListener("change", () => {
    clips.add([...$("file").files]);
    $("file").value = "";
  });
  listenToRecorder(
    $("record"),
    parts({
      dialog: "recorder",
      view: "recorder-view",
      state: "recorder-state",
      go: "recorder-go",
      cancel: "recorder-cancel",
    }),
    (file) => clips.add([file]),
  );
}

async function begin() {
  fillSheet($("sheet-rows"));
  listenToButtons();
  listenToDrops($("veil"), clips.add);
  listenToKeys({ player: $("player"), sheet: $("sheet"), isOn: $("keys-on") }, act, () => traceIsOn && !isLive());
  listenToTheme($("theme"), view.recolour);
  new ResizeObserver(view.redraw).observe($("player"));
  $("video").addEventListener("loadedmetadata", () => {
    $("video").classList.toggle("unseen", !$("video").videoWidth);
    pictureSays($("video").videoWidth ? "" : "Sound only.");
  });
  try {
    limits = await askLimits();
    $("add-limits").textContent = limitWords(limits);
    $("model-line").textContent = limits.model ? "Model: " + limits.model + "." : "";
    drawRemark(limits.remark);
  } catch (refusal) {
    refuse(refusal.message);
  }
  if (location.hash === "#live") enterLive();
  addEventListener("hashchange", () => {
    if (location.hash === "#live" && !isLive()) enterLive();
  });
  addEventListener("pagehide", () => live.close());
  await clips.look();
}

begin();
