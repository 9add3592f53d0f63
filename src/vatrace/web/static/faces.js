// Which face is whose: a thin frame and a name at each face, over the picture, where a clip has several people.

import { personName, shortName } from "./words.js";

const ABOVE = 0.14; // of the picture's height; a face nearer to the top has its name below

// parts: {layer, video, field, isOn}; chosen(person) where a face is clicked.
export function makeFaces({ layer, video, field, isOn }, chosen) {
  let trace = null,
    marks = [], // [person, its frame] of everybody whose place is known
    current = -1;

  function show(next) {
    trace = next;
    current = -1;
    const placed = trace && trace.people.length > 1 ? trace.people.filter((one) => one.boxes) : [];
    marks = placed.map((person) => [person, mark(person)]);
    layer.replaceChildren(...marks.map(([, frame]) => frame));
    field.hidden = !marks.length;
    place();
  }

  // Choosing is done by keyboard among the people above the curves, so a moving face is no stop of the Tab key.
  function mark(person) {
    const frame = document.createElement("button"),
      name = document.createElement("span");
    frame.type = "button";
    frame.tabIndex = -1;
    frame.hidden = true;
    frame.setAttribute("aria-label", "Choose " + personName(person));
    name.textContent = shortName(person);
    frame.append(name);
    frame.addEventListener("click", () => chosen(person));
    return frame;
  }

  function moment(i) {
    current = i;
    for (const [person, frame] of marks) {
      const box = person.boxes[i];
      frame.hidden = !box;
      if (!box) continue;
      const [left, top, right, bottom] = box.map((side) => 100 * side + "%");
      Object.assign(frame.style, { left, top, width: "calc(" + right + " - " + left + ")" });
      frame.style.height = "calc(" + bottom + " - " + top + ")";
      frame.classList.toggle("low", box[1] < ABOVE);
      frame.classList.toggle("far", box[0] > 0.5);
    }
  }

  function choose(person) {
    for (const [one, frame] of marks) frame.setAttribute("aria-pressed", String(one === person));
  }

  // The layer lies on the picture itself, without the bars that fill the rest of the video's box.
  function place() {
    const { videoWidth, videoHeight } = video;
    layer.hidden = !marks.length || !isOn.checked || !videoWidth || video.hidden;
    if (layer.hidden) return;
    const box = video.getBoundingClientRect(),
      around = layer.offsetParent.getBoundingClientRect();
    const scale = Math.min(box.width / videoWidth, box.height / videoHeight);
    const width = scale * videoWidth,
      height = scale * videoHeight;
    Object.assign(layer.style, {
      left: box.left - around.left + (box.width - width) / 2 + "px",
      top: box.top - around.top + (box.height - height) / 2 + "px",
      width: width + "px",
      height: height + "px",
    });
    if (current >= 0) moment(current);
  }

  isOn.addEventListener("change", place);
  video.addEventListener("loadedmetadata", place);
  video.addEventListener("resize", place);
  new ResizeObserver(place).observe(video);
  return { show, moment, choose };
}
