// Valence, arousal and the gates over time, on a canvas. The axes of affect always run from -1 to 1 and those of the
// gates from 0 to 1: curves of two clips can be compared by eye. Nothing is smoothed; long traces are drawn by their
// extremes. People differ by dash and by the number at the end of the line, not by colour alone.

import { indexAt } from "./trace.js";
import { extremes } from "./thin.js";
import { clock, shortName } from "./words.js";

export const MARGIN = { left: 44, right: 24, bottom: 28 }; // CSS pixels around the panels
export const HEADING = 32; // above each panel, for its name
const DASHES = [[], [7, 4], [2, 3.5], [10, 3, 2, 3]]; // person by person, then again from the start
const TICK_STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];
const TICK_PIXELS = 64;
const SHARE_ALPHA = 0.32;
const MARKER_ROWS = 4; // of names of markers that stand close together
const SHORT_BELOW = 460; // pixels; narrower panels have shorter headings

const AFFECT = {
  low: -1,
  ticks: [
    [-1, "−1"],
    [-0.5, "−.5"],
    [0, "0"],
    [0.5, "+.5"],
    [1, "+1"],
  ],
  weight: 1.35,
};
// The words are true of shares in a value (late fusion) and of a channel's own stream against the other one (BDCA).
const GATE = {
  low: 0,
  ticks: [
    [0, "0"],
    [0.5, ".5"],
    [1, "1"],
  ],
  weight: 0.7,
  short: "1 itself, 0 the other",
};
const PANELS = [
  {
    ...AFFECT,
    key: "valence",
    name: "Valence",
    words: "unpleasant −1 to pleasant +1",
    short: "unpleasant to pleasant",
  },
  { ...AFFECT, key: "arousal", name: "Arousal", words: "calm −1 to excited +1", short: "calm to excited" },
  {
    ...GATE,
    key: "gateFace",
    name: "Face gate",
    words: "weight of the face itself (1) against the voice (0)",
    channel: "face",
  },
  {
    ...GATE,
    key: "gateVoice",
    name: "Voice gate",
    words: "weight of the voice itself (1) against the face (0)",
    channel: "voice",
  },
];
// In place of the two gates, where they are shares of one whole.
const SHARE_PANEL = {
  ...GATE,
  key: "gateFace",
  name: "Share of face and voice in the value",
  shortName: "Share of face and voice",
  words: "the face’s below the line, the voice’s above it",
  short: "",
  channel: "share",
  colour: "ink",
  weight: 0.85,
};

export const dashOf = (person) => DASHES[person.number % DASHES.length];

// Draws what `scene` says: {trace, chosen, others, view: {from, to}, stretch, markers, colour}. Sizes come from the canvas.
export function drawCurves(canvas, scene) {
  const width = canvas.clientWidth,
    height = canvas.clientHeight,
    ratio = window.devicePixelRatio || 1;
  if (!width || !height) return;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  const { from, to } = scene.view;
  const wide = width - MARGIN.left - MARGIN.right;
  const frame = {
    pen,
    scene,
    ratio,
    left: MARGIN.left,
    wide,
    right: MARGIN.left + wide,
    x: (time) => MARGIN.left + ((time - from) / (to - from)) * wide,
  };
  const people = [...scene.others, scene.chosen];
  const panels = panelsOf(people);
  const unit = (height - MARGIN.bottom - HEADING * panels.length) / panels.reduce((sum, one) => sum + one.weight, 0);
  let top = 0;
  for (const panel of panels) {
    top += HEADING;
    drawPanel(frame, panel, top, top + unit * panel.weight);
    top += unit * panel.weight;
  }
  drawTimes(frame, top);
}

function panelsOf(people) {
  const gated = people.filter((one) => one.gateFace || one.gateVoice);
  if (gated.length && gated.every((one) => one.shares)) return [...PANELS.filter((one) => !one.channel), SHARE_PANEL];
  return PANELS.filter((panel) => !panel.channel || people.some((one) => one[panel.key]));
}

function font(pen, size, weight = 400) {
  pen.font = weight + " " + size + "px " + getComputedStyle(document.body).fontFamily;
}

function drawPanel(frame, panel, top, bottom) {
  const { pen, scene, left, wide, right } = frame;
  const y = (value) => bottom - ((value - panel.low) / (1 - panel.low)) * (bottom - top);
  drawHeading(frame, panel, top);
  pen.save();
  pen.beginPath();
  pen.rect(left, top, wide, bottom - top);
  pen.clip();
  drawBands(frame, panel, top, bottom);
  drawGrid(frame, panel, y, top, bottom);
  if (panel === SHARE_PANEL) drawShares(frame, panel, y, top, bottom);
  drawStretch(frame, top, bottom);
  if (!panel.channel) drawBandNames(frame, bottom);
  pen.restore();
  drawLevels(frame, panel, y);
  pen.save();
  pen.beginPath();
  pen.rect(left - 2, top - 3, wide + 4, bottom - top + 6);
  pen.clip();
  for (const person of scene.others) drawSeries(frame, panel, person, y, false);
  drawSeries(frame, panel, scene.chosen, y, true);
  drawMarkers(frame, top, bottom, panel.key === "valence");
  pen.restore();
  drawReason(frame, panel, y);
  if (panel === SHARE_PANEL) drawShareNames(frame, top, bottom);
  if (scene.others.length && !panel.channel) drawNumbers(frame, panel, y, right);
}

function drawHeading({ pen, scene, left, wide }, panel, top) {
  pen.textAlign = "left";
  pen.textBaseline = "alphabetic";
  font(pen, 13, 600);
  pen.fillStyle = scene.colour.ink;
  const name = (wide < SHORT_BELOW && panel.shortName) || panel.name;
  pen.fillText(name, left, top - 10);
  const shift = pen.measureText(name).width + 9;
  font(pen, 12.5);
  pen.fillStyle = scene.colour.soft;
  pen.fillText(wide < SHORT_BELOW ? panel.short : panel.words, left + shift, top - 10);
}

function drawGrid({ pen, scene, left, right, x }, panel, y, top, bottom) {
  pen.lineWidth = 1;
  pen.strokeStyle = scene.colour.grid;
  pen.beginPath();
  for (const [value] of panel.ticks) {
    pen.moveTo(left, crisp(y(value)));
    pen.lineTo(right, crisp(y(value)));
  }
  for (const time of tickTimes(scene.view, right - left).times) {
    pen.moveTo(crisp(x(time)), top);
    pen.lineTo(crisp(x(time)), bottom);
  }
  pen.stroke();
  if (panel.channel) return;
  pen.strokeStyle = scene.colour.zero;
  pen.beginPath();
  pen.moveTo(left, crisp(y(0)));
  pen.lineTo(right, crisp(y(0)));
  pen.stroke();
}

const crisp = (pixel) => Math.round(pixel) + 0.5;

function drawLevels({ pen, scene, left }, panel, y) {
  font(pen, 12);
  pen.fillStyle = scene.colour.soft;
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  for (const [value, text] of panel.ticks) pen.fillText(text, left - 8, y(value));
}

// Grey where something is missing: on the affect panels whatever it is, on a gate's panel its own channel.
function drawBands({ pen, scene, left, right, x }, panel, top, bottom) {
  const { view, chosen, colour } = scene;
  for (const span of chosen.spans) {
    if (span.to <= view.from || span.from >= view.to) continue;
    if (panel.channel && span.kind !== "no " + panel.channel && !span.kind.startsWith("neither")) continue;
    const a = Math.max(left, x(span.from)),
      b = Math.min(right, x(span.to));
    pen.globalAlpha = panel.channel ? 0.42 : span.lacks[panel.key] ? 0.8 : 0.42;
    pen.fillStyle = colour.missing;
    pen.fillRect(a, top, Math.max(1, b - a), bottom - top);
    pen.globalAlpha = 1;
  }
}

function drawBandNames({ pen, scene, left, right, x }, bottom) {
  const { view, chosen, colour } = scene;
  font(pen, 12);
  for (const span of chosen.spans) {
    if (span.to <= view.from || span.from >= view.to) continue;
    const a = Math.max(left, x(span.from)),
      b = Math.min(right, x(span.to));
    if (pen.measureText(span.kind).width + 14 < b - a) label(pen, span.kind, (a + b) / 2, bottom - 5, colour);
  }
}

function label(pen, text, x, bottom, colour) {
  const wide = pen.measureText(text).width;
  pen.fillStyle = colour.card;
  pen.globalAlpha = 0.85;
  pen.fillRect(x - wide / 2 - 4, bottom - 16, wide + 8, 17);
  pen.globalAlpha = 1;
  pen.fillStyle = colour.soft;
  pen.textAlign = "center";
  pen.textBaseline = "alphabetic";
  pen.fillText(text, x, bottom - 3);
}

function drawStretch({ pen, scene, x }, top, bottom) {
  if (!scene.stretch) return;
  const a = x(scene.stretch.from),
    b = x(scene.stretch.to);
  pen.fillStyle = scene.colour.accent;
  pen.globalAlpha = 0.1;
  pen.fillRect(a, top, b - a, bottom - top);
  pen.globalAlpha = 1;
  for (const edge of [a, b]) pen.fillRect(Math.round(edge) - 0.75, top, 1.5, bottom - top);
}

function drawSeries({ pen, scene, ratio, wide, x }, panel, person, y, chosen) {
  const series = person[panel.key];
  if (!series || scene.trace.last < 0) return;
  const { trace, view, colour } = scene;
  const first = Math.max(0, indexAt(trace.times, view.from) - 1),
    last = Math.min(trace.last, indexAt(trace.times, view.to) + 1);
  const columns = Math.max(1, Math.round(wide * ratio));
  pen.beginPath();
  if (last - first <= 2 * columns) tracePoints(pen, trace.times, series, first, last, x, y);
  else traceExtremes(pen, trace.times, series, view, columns, x, y);
  pen.lineCap = pen.lineJoin = "round";
  pen.setLineDash(dashOf(person));
  pen.lineWidth = chosen ? 2.2 : 1.5;
  pen.globalAlpha = chosen ? 1 : 0.75;
  pen.strokeStyle = colour[panel.colour || panel.channel || panel.key];
  pen.stroke();
  pen.setLineDash([]);
  pen.globalAlpha = 1;
}

// The chosen person's value is one band: the face's share of it at the bottom, the voice's on top.
function drawShares({ pen, scene, ratio, left, wide }, panel, y, top, bottom) {
  const { trace, view, chosen, colour } = scene,
    series = chosen[panel.key];
  if (!series || trace.last < 0) return;
  const columns = Math.max(1, Math.round(wide * ratio)),
    step = wide / columns;
  pen.globalAlpha = SHARE_ALPHA;
  for (let n = 0; n < columns; n++) {
    const time = view.from + ((n + 0.5) / columns) * (view.to - view.from),
      share = time < trace.start || time > trace.end ? NaN : series[indexAt(trace.times, time)];
    if (Number.isNaN(share)) continue;
    const x = left + n * step;
    pen.fillStyle = colour.face;
    pen.fillRect(x, y(share), step, bottom - y(share));
    pen.fillStyle = colour.voice;
    pen.fillRect(x, top, step, y(share) - top);
  }
  pen.globalAlpha = 1;
}

function drawShareNames({ pen, scene, left }, top, bottom) {
  font(pen, 11);
  const colour = { card: scene.colour.card, soft: scene.colour.ink };
  label(pen, "voice", left + 24, top + 18, colour);
  label(pen, "face", left + 22, bottom - 1, colour);
}

function tracePoints(pen, times, series, first, last, x, y) {
  let open = false;
  for (let i = first; i <= last; i++) {
    if (Number.isNaN(series[i])) {
      open = false;
      continue;
    }
    const at = x(times[i]),
      level = y(series[i]);
    if (!open) pen.moveTo(at, level); // a lone point becomes a dot, by the line's round end
    pen.lineTo(at, level);
    open = true;
  }
}

function traceExtremes(pen, times, series, view, columns, x, y) {
  const step = (view.to - view.from) / columns;
  let open = false,
    from = indexAt(times, view.from);
  for (let n = 1; n <= columns; n++) {
    const to = Math.max(from, indexAt(times, view.from + n * step) + (n === columns ? 1 : 0));
    if (to === from) continue;
    const [low, high] = extremes(series, from, to);
    from = to;
    if (low > high) {
      open = false;
      continue;
    }
    const at = x(view.from + (n - 0.5) * step);
    if (open) pen.lineTo(at, y(high));
    else pen.moveTo(at, y(high));
    pen.lineTo(at, y(low));
    open = true;
  }
}

// The number of each person where their line ends, moved apart where lines end close together.
function drawNumbers({ pen, scene }, panel, y, right) {
  const { trace, view } = scene;
  const ends = [...scene.others, scene.chosen]
    .map((person) => {
      let i = indexAt(trace.times, view.to);
      while (i > 0 && Number.isNaN(person[panel.key][i])) i -= 1;
      return { person, at: y(person[panel.key][i]) };
    })
    .filter((one) => !Number.isNaN(one.at))
    .sort((a, b) => a.at - b.at);
  font(pen, 12, 600);
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  pen.fillStyle = scene.colour[panel.key];
  let above = -Infinity;
  for (const { person, at } of ends) {
    above = Math.max(at, above + 13);
    pen.fillText(shortName(person), right + 8, above);
  }
}

// Why there is no curve, where there is none.
function drawReason({ pen, scene, left, wide }, panel, y) {
  const reason = scene.reasons[panel.key];
  if (!reason) return;
  font(pen, 13);
  const lines = [""];
  for (const word of reason.split(" ")) {
    const longer = (lines[lines.length - 1] + " " + word).trim();
    if (pen.measureText(longer).width < wide - 24) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  const middle = y((1 + panel.low) / 2) - 26; // off the line at 0
  lines.forEach((line, n) => {
    const bottom = middle + 18 * (n - lines.length + 1);
    label(pen, line, left + wide / 2, bottom, { card: scene.colour.card, soft: scene.colour.ink });
  });
}

function drawMarkers({ pen, scene, x }, top, bottom, named) {
  font(pen, 11, 600);
  pen.strokeStyle = pen.fillStyle = scene.colour.soft;
  pen.lineWidth = 1;
  const ends = new Array(MARKER_ROWS).fill(-Infinity); // where the last name of each row ends
  scene.markers.forEach((marker, n) => {
    const at = crisp(x(marker.time));
    pen.setLineDash([3, 3]);
    pen.beginPath();
    pen.moveTo(at, top);
    pen.lineTo(at, bottom);
    pen.stroke();
    pen.setLineDash([]);
    if (!named) return;
    const name = "M" + (n + 1),
      row = ends.findIndex((end) => end < at);
    if (row < 0) return; // no room; the list has them all
    ends[row] = at + 8 + pen.measureText(name).width;
    pen.textAlign = "left";
    pen.textBaseline = "top";
    pen.fillText(name, at + 4, top + 2 + 12 * row);
  });
}

function tickTimes({ from, to }, wide) {
  const step = TICK_STEPS.find((one) => ((to - from) / one) * TICK_PIXELS < wide) || TICK_STEPS[TICK_STEPS.length - 1];
  const times = [];
  for (let n = Math.ceil(from / step - 1e-9); n * step <= to + 1e-9; n++) times.push(n * step);
  return { times, digits: step < 1 ? 1 : 0 };
}

function drawTimes({ pen, scene, wide, x }, top) {
  const { times, digits } = tickTimes(scene.view, wide);
  font(pen, 12);
  pen.fillStyle = scene.colour.soft;
  pen.textAlign = "center";
  pen.textBaseline = "top";
  for (const time of times) pen.fillText(clock(time, digits), x(time), top + 9);
}
