// What the page asks of its own server, and what it says when the answer is no.

const SENTENCES = {
  0: "The server did not answer. If it was stopped, start `vatrace serve` again and open the address it prints.",
  401: "This page is no longer let in. Open the address that `vatrace serve` printed.",
  404: "That clip is no longer here: clips are deleted after a while.",
  413: "This clip is larger than this server takes.",
  429: "There are already as many clips here as this server takes. Remove one and try again.",
};

export class Refusal extends Error {
  constructor(status, sentence) {
    super(sentence || SENTENCES[status] || "The server answered with an error (" + status + ").");
    this.status = status;
  }
}

function sentenceOf(text) {
  try {
    return JSON.parse(text).error || "";
  } catch {
    return "";
  }
}

async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Refusal(0);
  }
  if (!answer.ok) throw new Refusal(answer.status, sentenceOf(await answer.text()));
  return answer;
}

export const clipPath = (id, part = "") => "/api/clips/" + encodeURIComponent(id) + (part ? "/" + part : "");

export const limits = async () => (await ask("/api/limits")).json();
export const removeClip = (id) => ask(clipPath(id), { method: "DELETE" });
export const traceOf = async (id) => (await ask(clipPath(id, "trace.json"))).json();

export async function listClips() {
  const answer = await (await ask("/api/clips")).json();
  return Array.isArray(answer) ? answer : answer.clips;
}

// Sends a file as it is; fetch cannot tell how far an upload has come, XMLHttpRequest can. Returns {done, stop}; `done` gives the clip as the server names it.
export function sendClip(file, name, progress) {
  const request = new XMLHttpRequest();
  const done = new Promise((resolve, reject) => {
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) progress(event.loaded / event.total);
    });
    request.addEventListener("load", () => {
      if (request.status === 201) resolve(JSON.parse(request.responseText));
      else reject(new Refusal(request.status, sentenceOf(request.responseText)));
    });
    request.addEventListener("error", () =>
      reject(new Refusal(0, "The upload broke off: the server did not take it, or is gone.")),
    );
    request.addEventListener("abort", () => reject(new Refusal(-1, "The upload was stopped.")));
  });
  request.open("PUT", "/api/clips");
  request.setRequestHeader("Content-Type", "application/octet-stream");
  request.setRequestHeader("X-Clip-Name", encodeURIComponent(wellFormed(name)));
  request.send(file);
  return { done, stop: () => request.abort() };
}

// Half of a surrogate pair, which some file systems allow in a name, cannot be percent-encoded.
const wellFormed = (name) =>
  name.replace(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g, "\uFFFD");
