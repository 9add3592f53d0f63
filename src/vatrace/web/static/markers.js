// Markers: moments with a name. They last as long as this tab and go out as a label track that Audacity, ELAN and Praat
// read: start, end and label, tab by tab.

import { clock } from "./words.js";

const KEPT_AS = "vatrace-markers-";
const DIGITS = 2; // of a marker's time: finer than a frame of most clips

// on: {seek(seconds), changed(), say(sentence)}
export function makeMarkers({ list, none, save }, on) {
  let clip = null,
    markers = [];

  function load(id) {
    clip = id;
    markers = [];
    try {
      markers = JSON.parse(sessionStorage.getItem(KEPT_AS + id)) || [];
    } catch {
      /* none, or no storage */
    }
    draw();
  }

  // The markers of a clip that is no more, for whoever holds them now.
  function take(id) {
    const taken = clip === id ? markers : [];
    clip = null;
    markers = [];
    try {
      sessionStorage.removeItem(KEPT_AS + id);
    } catch {
      /* nothing was kept */
    }
    draw();
    return taken;
  }

  function keep() {
    try {
      sessionStorage.setItem(KEPT_AS + clip, JSON.stringify(markers));
    } catch {
      /* then until the page is left */
    }
    on.changed();
  }

  function add(time) {
    if (markers.some((one) => Math.abs(one.time - time) < 1e-6)) return;
    markers.push({ time, label: "" });
    markers.sort((a, b) => a.time - b.time);
    draw();
    keep();
    on.say("marker at " + clock(time, DIGITS));
  }

  function remove(marker) {
    const place = markers.indexOf(marker);
    markers.splice(place, 1);
    draw();
    keep();
    const next = list.children[Math.min(place, markers.length - 1)];
    if (next) next.querySelector("button").focus();
  }

  function button(text, label, act) {
    const one = document.createElement("button");
    one.type = "button";
    one.className = "plain";
    one.textContent = text;
    one.setAttribute("aria-label", label);
    one.addEventListener("click", act);
    return one;
  }

  function draw() {
    list.replaceChildren(
      ...markers.map((marker, n) => {
        const item = document.createElement("li"),
          name = "M" + (n + 1),
          at = clock(marker.time, DIGITS),
          input = document.createElement("input");
        input.value = marker.label;
        input.placeholder = "what happens here";
        input.maxLength = 200;
        input.setAttribute("aria-label", "Label of marker " + name + " at " + at);
        input.addEventListener("input", () => {
          marker.label = input.value;
          keep();
        });
        item.append(
          button(name + "  " + at, "Go to marker " + name + " at " + at, () => on.seek(marker.time)),
          input,
          button("×", "Remove marker " + name, () => remove(marker)),
        );
        return item;
      }),
    );
    none.hidden = markers.length > 0;
    save.hidden = !markers.length;
  }

  // The marker before or after a moment.
  function beside(time, direction) {
    const there = markers.filter((one) => (direction > 0 ? one.time > time + 1e-6 : one.time < time - 1e-6));
    return there.length ? there[direction > 0 ? 0 : there.length - 1].time : null;
  }

  save.addEventListener("click", () => saveTrack(markers));
  return {
    load,
    take,
    add,
    beside,
    get all() {
      return markers;
    },
  };
}

export const saveTrack = (markers) =>
  saveText(
    "labels.txt",
    markers
      .map(
        (one, n) =>
          [one.time.toFixed(6), one.time.toFixed(6), plainLabel(one.label) || "M" + (n + 1)].join("\t") + "\n",
      )
      .join(""),
  );

// One line of plain text that no spreadsheet takes for a formula.
const plainLabel = (text) =>
  text
    .replace(/[\u0000-\u001f\u007f\u2028\u2029]+/g, " ")
    .trim()
    .replace(/^(?=[=+\-@])/, "'");

export function saveText(name, text, type = "text/plain") {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
