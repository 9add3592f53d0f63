// The chosen stretch of a clip: what it holds in figures, and whether it is played again and again.

import { framesOf, statistics } from "./trace.js";
import { clock, percent, shortName, signed } from "./words.js";

export function makeStretch({ title, rows, basis, clear, loop }, changed) {
  let stretch = null,
    looping = false;

  function set(from, to) {
    stretch = from < to ? { from, to } : null;
    if (!stretch) looping = false;
    changed();
  }

  function toggleLoop() {
    looping = !looping && stretch !== null;
    changed();
  }

  function draw(trace, person) {
    const [first, last] = framesOf(trace, stretch),
      stats = statistics(person, trace, first, last);
    title.textContent =
      (stretch ? clock(stretch.from) + " to " + clock(stretch.to) : "Whole clip") +
      (trace.people.length > 1 ? ", " + shortName(person) : "");
    rows.replaceChildren(row("valence", stats.valence), row("arousal", stats.arousal));
    basis.textContent =
      [
        stats.frames + (stats.frames === 1 ? " frame" : " frames"),
        percent(stats.valid) + " with a value",
        stats.face === null ? "" : "face seen in " + percent(stats.face),
        stats.voice === null ? "" : "voice heard in " + percent(stats.voice),
      ]
        .filter(Boolean)
        .join(", ") + ".";
    clear.hidden = !stretch;
    loop.disabled = !stretch;
    loop.setAttribute("aria-pressed", String(looping));
  }

  function row(name, one) {
    const line = document.createElement("tr"),
      head = document.createElement("th"),
      key = document.createElement("i");
    head.scope = "row";
    key.className = "key " + name;
    head.append(key, name);
    line.append(
      head,
      ...(one
        ? [signed(one.mean), one.sd.toFixed(2), signed(one.min), signed(one.max), clock(one.peak)]
        : ["–", "–", "–", "–", "–"]
      ).map((text) => {
        const cell = document.createElement("td");
        cell.textContent = text;
        return cell;
      }),
    );
    return line;
  }

  clear.addEventListener("click", () => set(0, 0));
  loop.addEventListener("click", toggleLoop);
  return {
    set,
    draw,
    toggleLoop,
    clear: () => set(0, 0),
    get now() {
      return stretch;
    },
    get looping() {
      return looping;
    },
  };
}
