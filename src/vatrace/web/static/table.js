// The same trace as a table, a page of rows at a time: means of each second, or every frame.

import { framesOf, statistics } from "./trace.js";
import { clock, gateWord, part, percent, signed } from "./words.js";

const ROWS = 100; // on a page; a table of 216,000 rows would stop any browser

export function makeTable({ details, head, body, step, before, after, place }) {
  let trace = null,
    person = null,
    page = 0,
    seconds = [],
    current = -1;

  function show(nextTrace, nextPerson) {
    const same = trace === nextTrace;
    trace = nextTrace;
    person = nextPerson;
    if (!same) {
      page = 0;
      seconds = secondsOf(trace);
    }
    draw();
  }

  const count = () => (step.value === "frame" ? trace.times.length : seconds.length);
  const pages = () => Math.max(1, Math.ceil(count() / ROWS));
  const columns = () =>
    [
      ["valence", "valence", signed],
      ["arousal", "arousal", signed],
      ["face seen", "face", percent],
      ["voice heard", "voice", percent],
      ["face score", "faceScore", part],
      ["face " + gateWord(person), "gateFace", part],
      ["voice " + gateWord(person), "gateVoice", part],
    ].filter(([, key]) => person[key]);

  function draw() {
    if (!trace || !details.open) return;
    page = Math.max(0, Math.min(pages() - 1, page));
    head.replaceChildren(line("th", ["time", ...columns().map(([name]) => name)]));
    const first = page * ROWS,
      last = Math.min(count(), first + ROWS),
      rows = [];
    for (let n = first; n < last; n++) rows.push(step.value === "frame" ? frameRow(n) : secondRow(seconds[n]));
    body.replaceChildren(...rows);
    place.textContent = count() ? "rows " + (first + 1) + " to " + last + " of " + count() : "no rows";
    before.disabled = page === 0;
    after.disabled = page === pages() - 1;
  }

  function frameRow(i) {
    const flag = (value) => (value < 0 ? "–" : value ? "yes" : "no");
    return line("td", [
      clock(trace.times[i], 2),
      ...columns().map(([, key, write]) => (write === percent ? flag(person[key][i]) : write(person[key][i]))),
    ]);
  }

  function secondRow(second) {
    const [first, last] = framesOf(trace, { from: Math.max(second, trace.start), to: second + 1 }),
      stats = statistics(person, trace, first, last);
    const mean = (series) => {
      const there = series.subarray(first, last + 1).filter((value) => !Number.isNaN(value));
      return there.length ? there.reduce((sum, value) => sum + value, 0) / there.length : NaN;
    };
    return line("td", [
      clock(second, 0),
      ...columns().map(([, key, write]) => write(write === percent ? stats[key] : mean(person[key]))),
    ]);
  }

  function line(kind, cells) {
    const row = document.createElement("tr");
    row.append(
      ...cells.map((text, n) => {
        const cell = document.createElement(n ? kind : "th");
        if (kind === "th" || !n) cell.scope = kind === "th" ? "col" : "row";
        cell.textContent = text;
        return cell;
      }),
    );
    return row;
  }

  // Opens on the page where the cursor stands.
  function opened() {
    if (!details.open || !trace) return;
    const at = Math.max(0, current);
    page = Math.floor((step.value === "frame" ? at : seconds.indexOf(Math.floor(trace.times[at]))) / ROWS);
    draw();
  }

  details.addEventListener("toggle", opened);
  step.addEventListener("change", opened);
  before.addEventListener("click", () => {
    page -= 1;
    draw();
  });
  after.addEventListener("click", () => {
    page += 1;
    draw();
  });
  return {
    show,
    set current(i) {
      current = i;
    },
  };
}

// Whole seconds in which a frame begins.
function secondsOf(trace) {
  const out = [];
  for (let i = 0; i <= trace.last; i++) {
    const second = Math.floor(trace.times[i]);
    if (out[out.length - 1] !== second) out.push(second);
  }
  return out;
}
