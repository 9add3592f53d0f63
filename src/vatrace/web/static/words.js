// A moment in words: what is written beside the cursor, read by a screen reader, and put into the table.

import { hasAny } from "./trace.js";

export function clock(seconds, digits = 1) {
  const scale = 10 ** digits;
  const ticks = Math.round(Math.abs(seconds) * scale);
  const rest = (ticks % (60 * scale)) / scale;
  const minutes = Math.floor(ticks / (60 * scale));
  const sign = seconds < 0 && ticks ? "−" : ""; // a clip may begin before its own 0
  const tail = rest.toFixed(digits).padStart(digits ? digits + 3 : 2, "0");
  return minutes < 60
    ? sign + minutes + ":" + tail
    : sign + Math.floor(minutes / 60) + ":" + String(minutes % 60).padStart(2, "0") + ":" + tail;
}

export function signed(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  const text = Math.abs(value).toFixed(2);
  return text === "0.00" ? text : (value < 0 ? "−" : "+") + text;
}

export function part(value) {
  return value === null || value === undefined || Number.isNaN(value) ? "–" : value.toFixed(2).replace(/^0\./, ".");
}

export const percent = (value) => (value === null ? "–" : Math.round(100 * value) + "%");

export function bytes(count) {
  const [size, unit] = count >= 2 ** 30 ? [count / 2 ** 30, "GB"] : [count / 2 ** 20, "MB"];
  return (size >= 10 ? Math.round(size) : Math.round(10 * size) / 10) + " " + unit;
}

export function span(seconds) {
  const [size, unit] =
    seconds >= 3600 ? [seconds / 3600, "hour"] : seconds >= 60 ? [seconds / 60, "minute"] : [seconds, "second"];
  const rounded = Math.round(10 * size) / 10;
  return rounded + " " + unit + (rounded === 1 ? "" : "s");
}

// A time that runs out, no finer than it has to be told.
export function shortSpan(seconds, unit = "") {
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1) return unit ? "< 1" + unit : "less than a minute";
  if (minutes < 90) return minutes + (unit || (minutes === 1 ? " minute" : " minutes"));
  return Math.floor(minutes / 60) + " hours";
}

// As in the table, ELAN and the overlay.
export const shortName = (person) => "P" + person.number;
export const personName = (person) => shortName(person) + (person.number === 0 ? ", the main person" : "");

export function faceWords(person, i) {
  if (!person.face || person.face[i] < 0) return "";
  const score = person.faceScore && person.face[i] ? ", score " + part(person.faceScore[i]) : "";
  return (person.face[i] ? "face seen" : "no face") + score;
}

export function voiceWords(person, i) {
  if (!person.voice || person.voice[i] < 0) return "";
  return person.voice[i] ? "voice heard" : "no voice";
}

export const gateWord = (person) => (person.shares ? "share" : "gate");

export function restsOn(person, i) {
  if (!person.face && !person.voice) return "";
  if (!hasAny(person, i)) return "no value here";
  const face = person.face && person.face[i] > 0,
    voice = person.voice && person.voice[i] > 0;
  if (!face && !voice) return "";
  const gates =
    person.gateFace && person.gateVoice
      ? " (" + gateWord(person) + "s " + part(person.gateFace[i]) + " / " + part(person.gateVoice[i]) + ")"
      : "";
  return "rests on " + (face && voice ? "face and voice" : "the " + (face ? "face" : "voice") + " alone") + gates;
}

export function sentence(trace, person, i, several, digits = 1) {
  const parts = [
    clock(trace.times[i], digits),
    several ? personName(person) : "",
    "valence " + signed(person.valence[i]),
    "arousal " + signed(person.arousal[i]),
  ];
  return parts.concat(faceWords(person, i), voiceWords(person, i), restsOn(person, i)).filter(Boolean).join(", ");
}

// Of a clip with several people.
export const WHOSE_VOICE = "The sound is the clip’s: who speaks is not known.";

// The whole curve in two sentences, for those who do not see it.
export function summary(trace, person, stats) {
  if (!stats.valence && !stats.arousal) return "No frame of this clip has a value.";
  const run = (name, one) =>
    !one
      ? "no frame has a value of " + name
      : name + " runs from " + signed(one.min) + " to " + signed(one.max) + ", highest at " + clock(one.peak, 0);
  const seen = [
    stats.face === null ? "" : "a face was seen in " + percent(stats.face),
    stats.voice === null ? "" : "a voice was heard in " + percent(stats.voice),
  ]
    .filter(Boolean)
    .join(", ");
  const who = trace.people.length > 1 ? "Of " + personName(person) + ": " : "";
  const presence = seen ? " " + seen[0].toUpperCase() + seen.slice(1) + " of the frames." : "";
  const first = run("valence", stats.valence);
  const whose = trace.people.length > 1 && stats.voice !== null ? " " + WHOSE_VOICE : "";
  return (
    who +
    (who ? first : first[0].toUpperCase() + first.slice(1)) +
    "; " +
    run("arousal", stats.arousal) +
    "." +
    presence +
    whose
  );
}
