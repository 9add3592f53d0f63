// One trace, one person in front, one moment: everything on the page that shows them, redrawn when one of them changes.

import { dashOf, drawCurves } from "./curves.js";
import { drawMoment, drawPlane } from "./plane.js";
import { reasonsOf } from "./reasons.js";
import { statistics } from "./trace.js";
import {
  WHOSE_VOICE,
  clock,
  faceWords,
  gateWord,
  part,
  personName,
  shortName,
  restsOn,
  sentence,
  signed,
  summary,
  voiceWords,
} from "./words.js";

const NAMED_EVERY_MS = 1000; // the slider's value, which some screen readers read out whenever it changes
const SPOKEN_EVERY_MS = 5000; // while playing; a screen reader could not keep up with more
const RESTING_DIGITS = 3; // of the time while nothing plays, so that frames can be told apart
const STILL_EVERY_MS = 250; // redraws of the plane for readers who asked for less motion
const still = matchMedia("(prefers-reduced-motion: reduce)");
const $ = (id) => document.getElementById(id);

// given: {timeline, colours(), markers(), stretch(), playing(), chosen(person)}
export function makeView(given) {
  let trace = null,
    chosen = null,
    current = -1,
    colour = given.colours();
  let withOthers = true,
    isLive = false,
    reasons = {}, // why something is empty
    asked = false,
    spokenAt = 0,
    planeAt = 0,
    namedAt = 0,
    speaking = 0;

  const others = () => (trace && withOthers ? trace.people.filter((one) => one !== chosen) : []);
  const scene = () => ({
    trace,
    chosen,
    others: others(),
    view: given.timeline.view,
    stretch: given.stretch(),
    markers: given.markers(),
    colour,
    reasons,
  });
  const digits = () => (isLive || given.playing() ? 1 : RESTING_DIGITS);

  function show(next, { live = false, view = null } = {}) {
    const before = chosen && isLive === live ? chosen.number : 0;
    isLive = live;
    trace = next;
    current = -1;
    if (!live) namedAt = 0;
    chosen = trace.people.find((one) => live && one.number === before) || trace.people[0];
    given.timeline.show(trace, view);
    if (!live) {
      drawPeople();
      describe();
    } else tellReasons({});
    if (trace.last < 0) blank();
    redraw();
  }

  function choose(person) {
    chosen = person;
    describe();
    drawPeople();
    const at = current;
    current = -1;
    moment(at);
    redraw();
    given.chosen(person);
  }

  function tellReasons(found) {
    reasons = found;
    $("space-none").textContent = reasons.plane || "";
    $("space-none").hidden = !reasons.plane;
  }

  // No moment is shown: whatever stood here was of another trace.
  function blank() {
    for (const id of ["read-time", "read-valence", "read-arousal"]) $(id).textContent = "–";
    for (const id of ["read-face", "read-voice", "read-rests", "read-whose", "spoken"]) $(id).textContent = "";
    for (const name of ["face", "voice"]) $("gauge-" + name).parentElement.hidden = true;
    clearTimeout(speaking);
    $("timeline").setAttribute("aria-valuenow", "0");
    $("timeline").setAttribute("aria-valuetext", "no value yet");
  }

  function describe() {
    tellReasons(reasonsOf(chosen, trace));
    $("curves-caption").textContent = summary(trace, chosen, statistics(chosen, trace, 0, trace.last));
    const line = $("timeline");
    line.setAttribute("aria-valuemin", trace.start.toFixed(2));
    line.setAttribute("aria-valuemax", trace.end.toFixed(2));
  }

  // All drawing of one frame of the screen happens once, however often it is asked for.
  function redraw() {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      if (!trace || !chosen) return;
      given.timeline.place();
      drawCurves($("curves"), scene());
      drawPlane($("plane"), scene());
      drawPoint();
    });
  }

  function drawPoint() {
    planeAt = performance.now();
    drawMoment($("moment"), scene(), current, !still.matches || !given.playing());
  }

  function moment(i) {
    if (!trace || i < 0 || i > trace.last || i === current) return;
    current = i;
    given.timeline.moveTo(i);
    if (given.playing()) given.timeline.follow(trace.times[i]);
    tell();
    if (performance.now() - planeAt >= (still.matches && given.playing() ? STILL_EVERY_MS : 0)) drawPoint();
    speak();
  }

  // The moment in numbers and words, finer while nothing plays.
  function tell() {
    if (!trace || current < 0 || current > trace.last) return;
    drawReadout();
    const isMoving = isLive || given.playing();
    if (isMoving && performance.now() - namedAt < NAMED_EVERY_MS) return;
    namedAt = performance.now();
    const line = $("timeline");
    line.setAttribute("aria-valuenow", trace.times[current].toFixed(RESTING_DIGITS));
    line.setAttribute("aria-valuetext", words(current));
  }

  const words = (i) => sentence(trace, chosen, i, trace.people.length > 1, digits());

  // Says the moment once it has come to rest, and now and then while playing.
  function speak() {
    const say = () => {
      spokenAt = performance.now();
      if (trace && current >= 0 && current <= trace.last) $("spoken").textContent = words(current);
    };
    clearTimeout(speaking);
    if (!given.playing()) speaking = setTimeout(say, 400);
    else if (performance.now() - spokenAt > SPOKEN_EVERY_MS) say();
  }

  function drawReadout() {
    const time = clock(trace.times[current], digits());
    $("now").textContent = time;
    $("read-time").textContent = isLive ? "now" : time;
    $("read-whose").textContent = !isLive && trace.people.length > 1 && chosen.voice ? WHOSE_VOICE : "";
    $("read-valence").textContent = signed(chosen.valence[current]);
    $("read-arousal").textContent = signed(chosen.arousal[current]);
    for (const [name, say, gate] of [
      ["face", faceWords, chosen.gateFace],
      ["voice", voiceWords, chosen.gateVoice],
    ]) {
      const text = say(chosen, current),
        share = gate ? gate[current] : NaN;
      $("read-" + name).textContent =
        text + (Number.isNaN(share) ? "" : (text ? " · " : name + " ") + gateWord(chosen) + " " + part(share));
      $("read-" + name).classList.toggle("missing", text.startsWith("no "));
      $("gauge-" + name).style.width = (Number.isNaN(share) ? 0 : 100 * share) + "%";
      $("gauge-" + name).parentElement.hidden = !gate;
    }
    $("read-rests").textContent = restsOn(chosen, current).replace(/ \(.*|^rests on face and voice.*/, "");
  }

  // What the pointer's tip says of a frame.
  function tip(i) {
    const lines = [clock(trace.times[i], 2)];
    for (const person of [chosen, ...others()]) {
      const name = trace.people.length > 1 ? shortName(person) + ": " : "";
      lines.push(name + "valence " + signed(person.valence[i]) + ", arousal " + signed(person.arousal[i]));
    }
    return [...lines, [faceWords(chosen, i), voiceWords(chosen, i)].filter(Boolean).join(", "), restsOn(chosen, i)];
  }

  function drawPeople() {
    const box = $("people"),
      several = trace.people.length > 1;
    box.hidden = !several;
    if (!several) return;
    const had = box.contains(document.activeElement);
    box.replaceChildren(box.firstElementChild, ...trace.people.map(choice), together());
    if (had) box.querySelector("input:checked").focus();
  }

  function choice(person) {
    const label = document.createElement("label"),
      input = document.createElement("input");
    Object.assign(input, { type: "radio", name: "person", value: person.number, checked: person === chosen });
    input.setAttribute("aria-label", personName(person));
    input.addEventListener("change", () => choose(person));
    label.append(input, sample(person), shortName(person));
    return label;
  }

  function sample(person) {
    const ns = "http://www.w3.org/2000/svg",
      svg = document.createElementNS(ns, "svg"),
      line = document.createElementNS(ns, "path");
    svg.setAttribute("viewBox", "0 0 26 8");
    svg.setAttribute("aria-hidden", "true");
    line.setAttribute("d", "M1 4h24");
    line.setAttribute("stroke-dasharray", dashOf(person).join(" "));
    svg.append(line);
    return svg;
  }

  function together() {
    const label = document.createElement("label"),
      input = document.createElement("input");
    label.className = "together";
    Object.assign(input, { type: "checkbox", checked: withOthers });
    input.addEventListener("change", () => {
      withOthers = input.checked;
      redraw();
    });
    label.append(input, "show the others");
    return label;
  }

  function clear() {
    trace = chosen = null;
    current = -1;
    clearTimeout(speaking);
    tellReasons({});
    $("spoken").textContent = "";
  }
  function recolour() {
    colour = given.colours();
    redraw();
  }
  return {
    show,
    choose,
    moment,
    redraw,
    recolour,
    tip,
    clear,
    drawPoint,
    tell,
    speak,
    get trace() {
      return trace;
    },
    get chosen() {
      return chosen;
    },
    get current() {
      return current;
    },
  };
}
