// What a hand does on the curves: seek by click or drag, choose a stretch with Shift, zoom with Ctrl and the wheel or two
// fingers, pan with a sideways swipe. Knows which part of the clip is in view and where the cursor stands.

import { HEADING, MARGIN } from "./curves.js";
import { indexAt } from "./trace.js";

const FEWEST_FRAMES = 12; // in view at the closest
const WHEEL_STEP = 0.0022; // of zoom for each pixel of the wheel

// on: {seek(index), choose(from, to), changed(), tip(index) -> lines}
export function makeTimeline(parts, on) {
  const { box, slider, cursor, hover, tip, overview, thumb } = parts;
  let trace = null,
    current = -1;
  const view = { from: 0, to: 1 };
  const fingers = new Map();
  let drag = null,
    pinch = null;

  const bounds = () => ({ start: trace.start, end: Math.max(trace.end, trace.start + 0.001) });
  const isZoomed = () => trace && view.to - view.from < (bounds().end - bounds().start) * 0.999;

  function setView(from, to) {
    const { start, end } = bounds();
    const closest = Math.min(end - start, (FEWEST_FRAMES * (end - start)) / trace.times.length);
    const wide = Math.max(closest, Math.min(end - start, to - from));
    const middle = (from + to) / 2;
    view.from = Math.max(start, Math.min(end - wide, middle - wide / 2));
    view.to = view.from + wide;
    place();
    on.changed();
  }

  function zoom(factor, around = current >= 0 ? trace.times[current] : (view.from + view.to) / 2) {
    if (!trace || trace.last < 0) return;
    const wide = (view.to - view.from) / factor;
    const held = around >= view.from && around <= view.to ? (around - view.from) / (view.to - view.from) : 0.5;
    setView(around - held * wide, around + (1 - held) * wide);
  }
  const fit = () => trace && setView(bounds().start, bounds().end);
  const pan = (seconds) => isZoomed() && setView(view.from + seconds, view.to + seconds);

  // Turns the page when the cursor leaves what is in view.
  function follow(time) {
    const wide = view.to - view.from;
    if (!isZoomed() || (time >= view.from && time <= view.to)) return;
    setView(time - 0.1 * wide, time + 0.9 * wide);
  }

  function show(next, at = null) {
    trace = next;
    current = -1;
    cursor.hidden = true;
    Object.assign(view, at || { from: bounds().start, to: bounds().end });
    place();
  }

  function place() {
    const height = box.clientHeight,
      width = box.clientWidth - MARGIN.left - MARGIN.right;
    Object.assign(slider.style, {
      left: MARGIN.left + "px",
      width: width + "px",
      top: HEADING - 7 + "px",
      height: height - MARGIN.bottom - HEADING + 7 + "px",
    });
    overview.hidden = !isZoomed();
    if (isZoomed()) {
      const { start, end } = bounds();
      thumb.style.left = (100 * (view.from - start)) / (end - start) + "%";
      thumb.style.width = (100 * (view.to - view.from)) / (end - start) + "%";
    }
    if (current >= 0) moveTo(current);
  }

  const across = (time) => ((time - view.from) / (view.to - view.from)) * slider.clientWidth;

  function moveTo(i) {
    current = i;
    const time = trace.times[i];
    cursor.dataset.time = time;
    cursor.hidden = time < view.from - 1e-9 || time > view.to + 1e-9;
    cursor.style.transform = "translateX(" + across(time) + "px)";
  }

  const timeAt = (event) => {
    const area = slider.getBoundingClientRect();
    return view.from + Math.max(0, Math.min(1, (event.clientX - area.left) / area.width)) * (view.to - view.from);
  };

  function leave() {
    tip.hidden = hover.hidden = true;
  }

  function pointAt(event) {
    const area = box.getBoundingClientRect(),
      i = indexAt(trace.times, timeAt(event));
    tip.textContent = on.tip(i).filter(Boolean).join("\n");
    tip.hidden = hover.hidden = false;
    const x = event.clientX - area.left,
      y = event.clientY - area.top;
    const left = x + tip.offsetWidth + 24 > area.width ? x - tip.offsetWidth - 14 : x + 14;
    const top = Math.max(0, Math.min(area.height - tip.offsetHeight, y + 14));
    tip.style.transform = "translate(" + Math.max(0, left) + "px," + top + "px)";
    hover.style.transform = "translateX(" + across(trace.times[i]) + "px)";
  }

  function press(event) {
    if (event.button || !trace || trace.last < 0 || slider.dataset.still) return;
    fingers.set(event.pointerId, event);
    slider.setPointerCapture(event.pointerId);
    if (fingers.size === 2) {
      drag = null;
      pinch = spread();
      return;
    }
    drag = { from: timeAt(event), choosing: event.shiftKey };
    if (!drag.choosing) on.seek(indexAt(trace.times, drag.from));
  }

  function spread() {
    const [a, b] = [...fingers.values()];
    return { wide: Math.max(20, Math.abs(a.clientX - b.clientX)), time: (timeAt(a) + timeAt(b)) / 2 };
  }

  function move(event) {
    if (!trace || trace.last < 0 || slider.dataset.still) return;
    if (fingers.has(event.pointerId)) fingers.set(event.pointerId, event);
    if (pinch && fingers.size === 2) {
      const now = spread();
      zoom(now.wide / pinch.wide, pinch.time);
      pinch.wide = now.wide;
    } else if (drag && drag.choosing) on.choose(Math.min(drag.from, timeAt(event)), Math.max(drag.from, timeAt(event)));
    else if (drag) on.seek(indexAt(trace.times, timeAt(event)));
    if (event.pointerType === "mouse") pointAt(event);
  }

  function release(event) {
    fingers.delete(event.pointerId);
    drag = null;
    if (fingers.size < 2) pinch = null;
  }

  function wheel(event) {
    if (!trace || slider.dataset.still) return;
    const sideways = Math.abs(event.deltaX) > Math.abs(event.deltaY);
    if (event.ctrlKey) zoom(Math.exp(-event.deltaY * WHEEL_STEP), timeAt(event));
    else if (sideways && isZoomed()) pan((event.deltaX / slider.clientWidth) * (view.to - view.from));
    else return;
    event.preventDefault();
  }

  function dragThumb(event) {
    const begin = { x: event.clientX, from: view.from, wide: view.to - view.from };
    overview.setPointerCapture(event.pointerId);
    const slide = (next) => {
      const { start, end } = bounds();
      const from = begin.from + ((next.clientX - begin.x) / overview.clientWidth) * (end - start);
      setView(from, from + begin.wide);
    };
    overview.addEventListener("pointermove", slide);
    for (const name of ["pointerup", "pointercancel"])
      overview.addEventListener(name, () => overview.removeEventListener("pointermove", slide), { once: true });
  }

  slider.addEventListener("pointerdown", press);
  slider.addEventListener("pointermove", move);
  for (const name of ["pointerup", "pointercancel"]) slider.addEventListener(name, release);
  slider.addEventListener("pointerleave", leave);
  slider.addEventListener("wheel", wheel, { passive: false });
  overview.addEventListener("pointerdown", dragThumb);
  return { view, show, place, zoom, fit, pan, follow, moveTo, leave };
}
