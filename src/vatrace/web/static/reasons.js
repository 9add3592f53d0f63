// Why a curve or the plane of a clip is empty, in one sentence each.

import { hasPoint } from "./trace.js";

const isAnywhere = (list) => Boolean(list) && list.some((one) => one > 0);
const hasValues = (series) => series.some((one) => !Number.isNaN(one));

// {valence, arousal, plane}: a sentence where nothing is drawn, "" where something is.
export function reasonsOf(person, trace) {
  const has = { valence: hasValues(person.valence), arousal: hasValues(person.arousal) };
  const missing = (name) => (has[name] ? "" : whyNo(name, person, has));
  const reasons = { valence: missing("valence"), arousal: missing("arousal"), plane: "" };
  if (trace.times.some((_, i) => hasPoint(person, i))) return reasons;
  return {
    ...reasons,
    plane: reasons.valence || reasons.arousal || "No frame has both values, so there is no point to show.",
  };
}

function whyNo(name, person, has) {
  const face = isAnywhere(person.face),
    voice = isAnywhere(person.voice);
  if (!face && !voice && (person.face || person.voice || !(has.valence || has.arousal)))
    return "No face was found and no voice was heard, so there is no value.";
  if (!face && voice && (has.valence || has.arousal))
    return "No face was found, and this model reads no " + name + " from a voice alone.";
  return "No frame of this clip has a value of " + name + ".";
}
