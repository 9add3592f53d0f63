// The keyboard. Single keys act only in the player or on the bare page, never while typing, in a dialog, together with
// Ctrl, Alt or Meta, or once the reader has switched them off.

const SHEET = [
  ["Space K", "play or pause"],
  ["← →", "one frame while paused, one second while playing"],
  ["Shift+← Shift+→", "one second while paused, ten while playing"],
  [", .", "one frame back or forward"],
  ["J L", "play backwards or forwards; again for two and four times the speed; with K held, one frame"],
  ["< >", "slower or faster"],
  ["[ ]", "the stretch starts or ends here"],
  ["Shift+L", "play the stretch again and again"],
  ["\\", "clear the stretch"],
  ["M E", "marker at this moment"],
  ["↑ ↓", "previous or next marker"],
  ["Home End", "start or end"],
  ["+ − 0", "zoom in, out, whole clip; Ctrl and the wheel zoom, too"],
  ["P", "next person"],
  ["?", "this sheet"],
];

export function fillSheet(body) {
  body.replaceChildren(
    ...SHEET.map(([keys, words]) => {
      const line = document.createElement("tr"),
        left = document.createElement("th"),
        right = document.createElement("td");
      left.scope = "row";
      keys.split(" ").forEach((name, n) => {
        const key = document.createElement("kbd");
        key.textContent = name;
        left.append(...(n ? [" ", key] : [key]));
      });
      right.textContent = words;
      line.append(left, right);
      return line;
    }),
  );
}

const TICKED = ["radio", "checkbox"]; // fields that take no text, and these keys alone
const TICKED_KEYS = [" ", "arrowleft", "arrowright", "arrowup", "arrowdown"];
const TYPED_WITH_ALT = ["[", "]", "\\"];

// act: the player's actions by name; ready() says whether a clip is open.
export function listenToKeys({ player, sheet, isOn }, act, ready) {
  let holdsK = false;
  const KEYS = {
    " ": act.toggle,
    k: () => {
      holdsK = true;
      act.toggle();
    },
    j: () => (holdsK ? act.step(-1) : act.shuttle(-1)),
    l: (event) => {
      if (event.shiftKey) act.loop();
      else if (holdsK) act.step(1);
      else act.shuttle(1);
    },
    arrowleft: (event) => act.arrow(-1, event.shiftKey),
    arrowright: (event) => act.arrow(1, event.shiftKey),
    ",": () => act.step(-1),
    ".": () => act.step(1),
    "<": () => act.rate(-1),
    ">": () => act.rate(1),
    "[": act.loopFrom,
    "]": act.loopTo,
    "\\": act.clearStretch,
    m: act.mark,
    e: act.mark,
    arrowup: () => act.toMarker(-1),
    arrowdown: () => act.toMarker(1),
    home: act.toStart,
    end: act.toEnd,
    "+": () => act.zoom(1),
    "=": () => act.zoom(1),
    "-": () => act.zoom(-1),
    "−": () => act.zoom(-1),
    0: act.fit,
    p: act.nextPerson,
  };
  const onlyInside = ["arrowup", "arrowdown"]; // on the bare page these scroll

  // On many keyboards brackets and the backslash are typed with AltGr (which Windows tells as Ctrl and Alt) or Option.
  const isCommand = (event) =>
    event.metaKey || ((event.ctrlKey || event.altKey) && !(TYPED_WITH_ALT.includes(event.key) && event.altKey));

  function isOurs(event, key) {
    const { target } = event;
    if (isCommand(event) || event.isComposing || document.querySelector("dialog[open]")) return false;
    const field = target.closest && target.closest("input, textarea, select, [contenteditable]");
    if (field && !(TICKED.includes(field.type) && !TICKED_KEYS.includes(key))) return false;
    const inside = player.contains(target);
    if (key === "?") return true;
    if (!isOn.checked || !ready()) return false;
    if (key === " " && target.closest && target.closest("button, summary, a")) return false;
    return inside || (target === document.body && !onlyInside.includes(key));
  }

  document.addEventListener("keydown", (event) => {
    const key = event.key.toLowerCase(),
      action = key === "?" ? () => sheet.showModal() : KEYS[key];
    if (!action || !isOurs(event, key)) return;
    event.preventDefault();
    if (key === "k" && event.repeat) return;
    action(event);
  });
  document.addEventListener("keyup", (event) => {
    if (event.key.toLowerCase() === "k") holdsK = false;
  });
  window.addEventListener("blur", () => {
    holdsK = false;
  });
}
