// The clips of this server: sending them, one after the other, and the list with how far each has come. Names come from
// people's disks and are shown as text, never as markup. Two tabs show the same list.

import { Refusal, clipPath, listClips, removeClip, sendClip } from "./api.js";
import { bytes, percent, shortSpan, span } from "./words.js";

const BUSY_EVERY_MS = 400; // between two looks while something is worked on
const QUIET_EVERY_MS = 5000;
const SOON_SECONDS = 300; // a clip that is deleted within this time says so in the list
const STATES = {
  sending: "sending",
  queued: "waits to be sent",
  waiting: "waiting",
  working: "working",
  done: "ready",
  failed: "failed",
  unsent: "not sent",
};
const CLOCKS_DIFFER_MS = 10000; // at most, over the time a clip is kept
const TOO_LARGE = 413;
const BUSY = ["sending", "queued", "waiting", "working"];

// on: {select(clip), opened(), changed(selected clip or null), lost(clip), refused(sentence), news(sentence), limits()};
// opened() after a person chose a clip, lost() where the chosen one is no longer on the server.
export function makeClips({ section, list }, on) {
  let remote = [],
    local = [],
    selected = null,
    number = 0,
    timer = 0,
    sending = false,
    silence = ""; // what was said when the server did not answer
  const hidden = new Set(); // removed here, perhaps still in the server's last answer
  const all = () => [...remote, ...local];
  const find = (id) => all().find((clip) => clip.id === id) || null;

  function add(files) {
    const { max_bytes: most } = on.limits();
    const sentences = [];
    for (const file of files) {
      if (most && file.size > most)
        sentences.push(
          file.name + " is too large: " + bytes(file.size) + ", and this server takes clips up to " + bytes(most) + ".",
        );
      else if (!file.size) sentences.push(file.name + " is empty.");
      else
        local.push({
          id: "local-" + ++number,
          name: plainName(file.name),
          state: "queued",
          progress: 0,
          step: "",
          error: "",
          file,
        });
    }
    on.refused(sentences.join(" "));
    const first = local.find((clip) => clip.state === "queued");
    if (first && !BUSY.includes((find(selected) || {}).state)) {
      select(first.id);
      on.opened();
    }
    draw();
    sendNext();
  }

  async function sendNext() {
    const clip = local.find((one) => one.state === "queued");
    if (sending || !clip) return;
    sending = true;
    clip.state = "sending";
    const upload = sendClip(clip.file, clip.file.name, (progress) => {
      clip.progress = progress;
      draw();
    });
    clip.stop = upload.stop;
    draw();
    try {
      const sent = await upload.done;
      local = local.filter((one) => one !== clip);
      if (!remote.some((one) => one.id === sent.id)) remote.push(sent);
      if (selected === clip.id) selected = sent.id;
    } catch (refusal) {
      if (refusal.status === -1) local = local.filter((one) => one !== clip);
      else {
        Object.assign(clip, { state: "unsent", error: refusal.message, canBeSent: refusal.status !== TOO_LARGE });
        on.news(clip.name + " was not sent. " + clip.error);
      }
    }
    sending = false;
    draw();
    look();
    sendNext();
  }

  // A clip that was not sent is tried again.
  function again(id) {
    const clip = find(id);
    if (!clip || clip.state !== "unsent") return;
    Object.assign(clip, { state: "queued", progress: 0, error: "" });
    draw();
    sendNext();
  }

  async function look() {
    clearTimeout(timer);
    try {
      const before = new Map(remote.map((clip) => [clip.id, clip]));
      remote = (await listClips()).filter((clip) => !hidden.has(clip.id));
      for (const clip of remote) if (leftOf(clip) !== null) clip.until = Date.now() + 1000 * leftOf(clip);
      if (silence) on.refused("", silence);
      silence = "";
      for (const clip of remote) tellNews(clip, before.get(clip.id));
      const lost = !find(selected) && before.get(selected);
      if (lost) selected = null;
      draw();
      if (lost) on.lost(lost);
    } catch (refusal) {
      silence = refusal.message;
      on.refused(silence);
    }
    const busy = remote.some((clip) => BUSY.includes(clip.state));
    timer = setTimeout(look, busy ? BUSY_EVERY_MS : QUIET_EVERY_MS);
  }

  function tellNews(clip, before) {
    if (!before) return;
    if (isSoon(clip) && !isSoon(before)) on.news(clip.name + " " + willBeDeleted(clip) + ".");
    if (before.state === clip.state) return;
    if (clip.state === "done") on.news(clip.name + " is ready.");
    if (clip.state === "failed") on.news(clip.name + " failed. " + clip.error);
  }

  function select(id) {
    selected = id;
    draw();
    on.select(find(id));
    if (rows.has(id)) rows.get(id).scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  async function remove(id) {
    const clip = find(id);
    if (!clip) return;
    const place = all().indexOf(clip);
    if (clip.id.startsWith("local-")) {
      if (clip.stop && clip.state === "sending") clip.stop();
      local = local.filter((one) => one !== clip);
    } else {
      hidden.add(id);
      remote = remote.filter((one) => one !== clip);
      removeClip(id).catch((refusal) => {
        if (refusal instanceof Refusal && refusal.status !== 404) {
          hidden.delete(id);
          on.refused(refusal.message);
        }
      });
    }
    on.news(clip.name + " is removed.");
    if (selected === id) select((all()[Math.min(place, all().length - 1)] || {}).id || null);
    draw();
    const next = list.children[Math.min(place, list.children.length - 1)];
    if (next) next.querySelector("button").focus();
    sendNext();
  }

  const rows = new Map(); // clip id -> its row; kept, so that the focus stays where it is while a clip comes along

  function row(clip) {
    let item = rows.get(clip.id);
    if (item) return item;
    item = document.createElement("li");
    const open = document.createElement("button"),
      name = document.createElement("span"),
      state = document.createElement("span");
    const bar = document.createElement("progress"),
      gone = document.createElement("button");
    open.type = gone.type = "button";
    open.className = "open";
    name.className = "name";
    state.className = "state";
    bar.max = 1;
    gone.className = "gone";
    gone.textContent = "×";
    gone.title = "Remove this clip";
    open.append(name, state);
    item.append(open, gone, bar);
    open.addEventListener("click", () => {
      select(item.dataset.id);
      on.opened();
    });
    gone.addEventListener("click", () => remove(item.dataset.id));
    rows.set(clip.id, item);
    return item;
  }

  // The server may have made another name of what was sent.
  function nameRow(item, { name }) {
    const open = item.querySelector(".open");
    if (open.title === name) return;
    item.querySelector(".name").textContent = open.title = name;
    item.querySelector("progress").setAttribute("aria-label", "Progress of " + name);
    item.querySelector(".gone").setAttribute("aria-label", "Remove " + name);
  }

  function draw() {
    const clips = all(),
      items = clips.map((clip) => {
        const item = row(clip),
          bar = item.querySelector("progress");
        nameRow(item, clip);
        item.dataset.id = clip.id;
        item.dataset.state = clip.state;
        item.querySelector(".state").textContent =
          STATES[clip.state] +
          (["working", "sending"].includes(clip.state) ? " " + percent(clip.progress) : "") +
          (isSoon(clip) ? ", deleted in " + shortSpan(leftOf(clip), " min") : "");
        item.querySelector(".open").setAttribute("aria-current", String(clip.id === selected));
        bar.hidden = !BUSY.includes(clip.state);
        bar.value = clip.progress || 0;
        return item;
      });
    const old = [...list.children];
    if (old.length !== items.length || items.some((item, i) => item !== old[i])) list.replaceChildren(...items);
    for (const id of rows.keys()) if (!clips.some((clip) => clip.id === id)) rows.delete(id);
    section.hidden = !clips.length;
    on.changed(find(selected));
  }

  return {
    add,
    again,
    look,
    select,
    remove,
    get selected() {
      return find(selected);
    },
    get all() {
      return all();
    },
    path: clipPath,
  };
}

// Characters that are not seen, or turn text around, as the server shows them; joiners belong to scripts and emoji.
const plainName = (name) => name.replace(/(?![\u200c\u200d])[\p{C}\u2028\u2029]/gu, "\uFFFD");

const leftOf = (clip) => (Number.isFinite(clip.expires_in) ? Math.max(0, clip.expires_in) : null);
const isSoon = (clip) => leftOf(clip) !== null && leftOf(clip) < SOON_SECONDS;

// When a clip goes, in words, or "" where the server does not say so.
export const willBeDeleted = (clip) => (leftOf(clip) === null ? "" : "is deleted in " + shortSpan(leftOf(clip)));

// Whether a clip that is gone would have been there for longer by its time alone.
export const hadTimeLeft = (clip) => Boolean(clip.until) && clip.until - Date.now() > CLOCKS_DIFFER_MS;

export function limitWords(limits) {
  const keep = limits.keep_seconds ? " Clips are deleted after " + span(limits.keep_seconds) + "." : "";
  return (
    "Up to " + bytes(limits.max_bytes) + " and " + span(limits.max_seconds) + ". It stays on this computer." + keep
  );
}
