// The valence-arousal plane: the chosen person's path, the last five seconds as a tail, this moment as a dot.

import { hasPoint, indexAt } from "./trace.js";
import { shortName } from "./words.js";

const TAIL_SECONDS = 5;
const MARGIN = { left: 34, right: 12, top: 10, bottom: 36 }; // left + right = top + bottom: the plane stays square
const PATH_POINTS = 4000; // of the faint path; of longer traces every n-th point
const QUADRANTS = [
  ["pleasant", "& excited", "delighted, lively", 1, 1],
  ["unpleasant", "& excited", "angry, tense", -1, 1],
  ["unpleasant", "& calm", "sad, bored", -1, -1],
  ["pleasant", "& calm", "content, relaxed", 1, -1],
];

function sheet(canvas) {
  const size = canvas.clientWidth,
    ratio = window.devicePixelRatio || 1;
  if (!size) return null;
  canvas.width = canvas.height = Math.round(size * ratio);
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  const wide = size - MARGIN.left - MARGIN.right;
  const x = (value) => MARGIN.left + ((value + 1) / 2) * wide,
    y = (value) => MARGIN.top + ((1 - value) / 2) * wide;
  return { pen, x, y };
}

// What changes seldom: axes, words, and the whole path.
export function drawPlane(canvas, { trace, chosen, colour }) {
  const paper = sheet(canvas);
  if (!paper) return;
  drawAxes(paper, colour);
  const { pen, x, y } = paper;
  const step = Math.max(1, Math.ceil(trace.times.length / PATH_POINTS));
  pen.beginPath();
  let open = false;
  for (let i = 0; i <= trace.last; i += step) {
    if (!hasPoint(chosen, i)) {
      open = false;
      continue;
    }
    if (open) pen.lineTo(x(chosen.valence[i]), y(chosen.arousal[i]));
    else pen.moveTo(x(chosen.valence[i]), y(chosen.arousal[i]));
    open = true;
  }
  pen.globalAlpha = 0.35;
  pen.lineWidth = 1.2;
  pen.strokeStyle = colour.accent;
  pen.stroke();
  pen.globalAlpha = 1;
  drawWords(paper, colour);
}

function drawAxes({ pen, x, y }, colour) {
  pen.strokeStyle = colour.grid;
  pen.lineWidth = 1;
  pen.strokeRect(x(-1), y(1), x(1) - x(-1), y(-1) - y(1));
  pen.strokeStyle = colour.zero;
  pen.beginPath();
  pen.moveTo(x(-1), y(0));
  pen.lineTo(x(1), y(0));
  pen.moveTo(x(0), y(-1));
  pen.lineTo(x(0), y(1));
  pen.stroke();
}

function drawWords({ pen, x, y }, colour) {
  const family = getComputedStyle(document.body).fontFamily;
  const write = (text, at, level, weight = 400, size = 11) => {
    pen.font = weight + " " + size + "px " + family;
    pen.strokeText(text, at, level);
    pen.fillText(text, at, level);
  };
  pen.strokeStyle = colour.card; // a rim, so that the path does not run through the words
  pen.lineWidth = 3;
  pen.lineJoin = "round";
  pen.fillStyle = colour.soft;
  pen.textBaseline = "alphabetic";
  for (const [first, second, such, right, up] of QUADRANTS) {
    pen.textAlign = right > 0 ? "right" : "left";
    const at = x(right * 0.96),
      top = up > 0 ? y(1) + 17 : y(-1) - 35;
    write(first, at, top, 600);
    write(second, at, top + 13.5, 600);
    write(such, at, top + 27);
  }
  pen.textAlign = "center";
  write("unpleasant  ←  valence  →  pleasant", x(0), y(-1) + 30, 400, 12);
  write("−1", x(-1), y(-1) + 15, 400, 11);
  write("0", x(0), y(-1) + 15, 400, 11);
  write("+1", x(1) - 4, y(-1) + 15, 400, 11);
  pen.textAlign = "right";
  for (const [value, text] of [
    [1, "+1"],
    [0, "0"],
    [-1, "−1"],
  ])
    write(text, x(-1) - 6, y(value) + 4, 400, 11);
  pen.save();
  pen.translate(10, y(0));
  pen.rotate(-Math.PI / 2);
  pen.textAlign = "center";
  write("calm  ←  arousal  →  excited", 0, 0, 400, 12);
  pen.restore();
}

// What changes with every frame. Without motion the tail is left out.
export function drawMoment(canvas, { trace, chosen, others, colour }, current, tail) {
  const paper = sheet(canvas);
  if (!paper || current < 0) return;
  const { pen, x, y } = paper;
  if (tail) strokeTail(paper, trace, chosen, current, colour);
  for (const person of others) if (hasPoint(person, current)) ring(paper, person, current, colour);
  if (!hasPoint(chosen, current)) return;
  pen.beginPath();
  pen.arc(x(chosen.valence[current]), y(chosen.arousal[current]), 7, 0, 2 * Math.PI);
  pen.fillStyle = colour.accent;
  pen.fill();
  pen.lineWidth = 2;
  pen.strokeStyle = colour.card;
  pen.stroke();
}

function strokeTail({ pen, x, y }, trace, person, current, colour) {
  const now = trace.times[current];
  pen.lineCap = "round";
  pen.strokeStyle = colour.accent;
  for (let i = Math.max(1, indexAt(trace.times, now - TAIL_SECONDS) + 1); i <= current; i++) {
    if (!hasPoint(person, i) || !hasPoint(person, i - 1)) continue;
    const fresh = Math.max(0, 1 - (now - trace.times[i]) / TAIL_SECONDS);
    pen.globalAlpha = 0.12 + 0.88 * fresh;
    pen.lineWidth = 1.2 + 3 * fresh;
    pen.beginPath();
    pen.moveTo(x(person.valence[i - 1]), y(person.arousal[i - 1]));
    pen.lineTo(x(person.valence[i]), y(person.arousal[i]));
    pen.stroke();
  }
  pen.globalAlpha = 1;
}

function ring({ pen, x, y }, person, current, colour) {
  const at = x(person.valence[current]),
    level = y(person.arousal[current]);
  pen.beginPath();
  pen.arc(at, level, 7.5, 0, 2 * Math.PI);
  pen.fillStyle = colour.card;
  pen.fill();
  pen.lineWidth = 1.6;
  pen.strokeStyle = colour.soft;
  pen.stroke();
  pen.fillStyle = colour.ink;
  pen.font = "600 10px " + getComputedStyle(document.body).fontFamily;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillText(shortName(person), at, level + 0.5);
}
