// What is said of a clip beside its curves: how far it has come, why it failed, what it is.

import { clipPath } from "./api.js";
import { willBeDeleted } from "./clips.js";
import { clock, percent } from "./words.js";

const $ = (id) => document.getElementById(id);

// A clip that has no trace yet, or never will.
export function drawWork(clip) {
  const isBusy = clip && clip.state !== "done",
    isUnsent = isBusy && clip.state === "unsent",
    hasFailed = isUnsent || (isBusy && clip.state === "failed");
  $("work").hidden = !isBusy;
  if (!isBusy) return;
  const doing = { queued: "Waits to be sent", sending: "Sending", waiting: "Waiting for its turn", working: "Working" }[
    clip.state
  ];
  setText(
    "work-title",
    isUnsent
      ? "This clip was not sent"
      : hasFailed
        ? "This clip could not be read"
        : doing + (["sending", "working"].includes(clip.state) ? " · " + percent(clip.progress) : ""),
  );
  setText("work-step", hasFailed ? clip.error : clip.step || "The trace appears here as soon as it is ready.");
  $("work-again").hidden = !isUnsent || !clip.canBeSent;
  $("work-bar").hidden = hasFailed;
  $("work-bar").value = clip.progress || 0;
  $("work").classList.toggle("failed", Boolean(hasFailed));
}
function setText(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text;
}

// When the clip that is open will be deleted, where the server says so.
export function drawExpiry(clip) {
  const words = willBeDeleted(clip);
  $("expiry").hidden = !words;
  setText("expiry", words && "This clip " + words + ". Download what you want to keep.");
}

export function drawAbout(clip, trace) {
  $("get-csv").href = clipPath(clip.id, "trace.csv");
  $("get-report").href = clipPath(clip.id, "report.html");
  const people = trace.people.length,
    frames = trace.times.length;
  const facts = [
    ["clip", clip.name],
    ["length", clock(trace.end - trace.start)],
    ["frames", String(frames)],
    ["people", String(people)],
    ["note", trace.note],
  ];
  $("facts").replaceChildren(
    ...facts
      .filter(([, text]) => text)
      .flatMap(([name, text]) => {
        const term = document.createElement("dt"),
          told = document.createElement("dd");
        term.textContent = name;
        told.textContent = text;
        return [term, told];
      }),
  );
  $("warnings").replaceChildren(
    ...trace.warnings.map((text) => Object.assign(document.createElement("li"), { textContent: text })),
  );
}
