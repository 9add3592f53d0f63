// A trace as the server gives it, turned into arrays that are quick to draw, search and average.
// Times are seconds on the clip's own clock, never a frame number divided by a rate. A missing value is NaN.

const CLOCK_TOLERANCE_SECONDS = 0.002; // between the container's timestamp and the browser's
const LONE_FRAME_SECONDS = 0.04; // drawn width of a trace's only frame
const SHARES_TOLERANCE = 0.001; // of rounded numbers
const UNKNOWN = -1; // of a face or a voice: the model does not take it

const KINDS = ["", "no face", "no voice", "neither face nor voice"];

const values = (list, length) => {
  const out = new Float32Array(length).fill(NaN);
  (list || []).forEach((one, i) => {
    if (one !== null) out[i] = one;
  });
  return out;
};
const flags = (list, length) => {
  if (!list || list.every((one) => one === null)) return null;
  return Int8Array.from({ length }, (_, i) => (list[i] === null || list[i] === undefined ? UNKNOWN : Number(list[i])));
};
const known = (list, length) => {
  const out = values(list, length);
  return out.some((one) => !Number.isNaN(one)) ? out : null;
};

export function readTrace(json) {
  const times = Float64Array.from(json.times);
  const trace = {
    name: json.name,
    remark: json.remark || "",
    note: json.note || "",
    warnings: json.warnings || [],
    times,
    videoStart: json.video_start || 0, // the clip's time at which the playable copy begins
    last: times.length - 1,
    start: times.length ? times[0] : 0,
    end: endOf(times),
  };
  // A clip in which nobody was found still has a trace, of one person without values.
  const people = json.people.length ? json.people : [{ person: 0 }];
  trace.people = people.map((one) => readPerson(one, trace));
  return trace;
}

export function readPerson(one, trace) {
  const length = trace.times.length;
  const person = {
    number: one.person,
    valence: values(one.valence, length),
    arousal: values(one.arousal, length),
    face: flags(one.face, length),
    voice: flags(one.voice, length),
    faceScore: known(one.face_score, length),
    gateFace: known(one.gate_face, length),
    gateVoice: known(one.gate_voice, length),
    boxes: (one.face_box || []).some(Boolean) ? one.face_box : null,
  };
  person.shares = sumToOne(person);
  person.spans = missingSpans(person, trace);
  return person;
}

// Whether the two gates are the shares of face and voice in the value, rather than gates of their own.
function sumToOne({ gateFace, gateVoice }) {
  if (!gateFace || !gateVoice) return false;
  return gateFace.every((one, i) => Number.isNaN(one) || Math.abs(one + gateVoice[i] - 1) < SHARES_TOLERANCE);
}

function endOf(times) {
  const { length } = times;
  if (!length) return 0;
  const steps = Array.from(times.subarray(1), (time, i) => time - times[i]).sort((a, b) => a - b);
  return times[length - 1] + (steps.length ? steps[steps.length >> 1] : LONE_FRAME_SECONDS);
}

// The last frame at or before a time.
export function indexAt(times, time) {
  let low = 0,
    high = times.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (times[middle] <= time + CLOCK_TOLERANCE_SECONDS) low = middle;
    else high = middle - 1;
  }
  return low;
}

export const frameEnd = (trace, i) => (i < trace.last ? trace.times[i + 1] : trace.end);

// A moment well inside a frame, so that a seek shows this frame and not the one before it.
export const insideFrame = (trace, i) => trace.times[i] + 0.4 * (frameEnd(trace, i) - trace.times[i]);

// A model may give one value without the other: the starter reads no valence from a voice alone.
export const hasPoint = (person, i) => !Number.isNaN(person.valence[i]) && !Number.isNaN(person.arousal[i]);
export const hasAny = (person, i) => !Number.isNaN(person.valence[i]) || !Number.isNaN(person.arousal[i]);

// Stretches in which face, voice or a value is missing: {kind, from, to, lacks: {valence, arousal}}.
function missingSpans(person, trace) {
  const spans = [];
  for (let i = 0; i <= trace.last; i++) {
    const lacks = { valence: Number.isNaN(person.valence[i]), arousal: Number.isNaN(person.arousal[i]) };
    const channels = (person.face && person.face[i] === 0 ? 1 : 0) + (person.voice && person.voice[i] === 0 ? 2 : 0);
    const code = channels + 4 * lacks.valence + 8 * lacks.arousal,
      open = spans[spans.length - 1];
    if (open && open.code === code) open.to = frameEnd(trace, i);
    else spans.push({ code, lacks, kind: KINDS[channels] || "no value", from: trace.times[i], to: frameEnd(trace, i) });
  }
  return spans.filter((span) => span.code);
}

// Mean, spread and ends of one series over the frames from..to, both included.
function course(series, trace, from, to) {
  let n = 0,
    sum = 0,
    squares = 0,
    min = Infinity,
    max = -Infinity,
    peak = NaN;
  for (let i = from; i <= to; i++) {
    const value = series[i];
    if (Number.isNaN(value)) continue;
    n += 1;
    sum += value;
    squares += value * value;
    if (value < min) min = value;
    if (value > max) {
      max = value;
      peak = trace.times[i];
    }
  }
  if (!n) return null;
  const mean = sum / n;
  return { n, mean, sd: Math.sqrt(Math.max(0, squares / n - mean * mean)), min, max, peak };
}

function share(list, from, to) {
  if (!list) return null;
  let n = 0,
    there = 0;
  for (let i = from; i <= to; i++)
    if (list[i] !== UNKNOWN) {
      n += 1;
      there += list[i];
    }
  return n ? there / n : null;
}

export function statistics(person, trace, from, to) {
  let valid = 0;
  for (let i = from; i <= to; i++) if (hasAny(person, i)) valid += 1;
  return {
    frames: to - from + 1,
    valid: to < from ? null : valid / (to - from + 1),
    valence: course(person.valence, trace, from, to),
    arousal: course(person.arousal, trace, from, to),
    face: share(person.face, from, to),
    voice: share(person.voice, from, to),
  };
}

// The frames of a stretch [from, to) in seconds: every frame that begins in it, at least the one at its start.
export function framesOf(trace, stretch) {
  if (!stretch) return [0, trace.last];
  const first = indexAt(trace.times, stretch.from);
  let last = indexAt(trace.times, stretch.to);
  if (last > first && trace.times[last] >= stretch.to - CLOCK_TOLERANCE_SECONDS) last -= 1;
  return [first, last];
}
