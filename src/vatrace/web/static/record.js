// A clip from the camera: seen while it is recorded, then sent like any other file, and kept nowhere in the browser.

import { clock } from "./words.js";

const KINDS = [
  "video/mp4;codecs=avc1.42E01F,mp4a.40.2",
  "video/webm;codecs=vp9,opus",
  "video/webm;codecs=vp8,opus",
  "video/webm",
];

// parts: {dialog, view, state, go, cancel}; take(file) gets the recording.
export function listenToRecorder(button, { dialog, view, state, go, cancel }, take) {
  let stream = null,
    recorder = null,
    timer = 0,
    pieces = [],
    kept = false;

  async function open() {
    dialog.showModal();
    go.disabled = true;
    go.textContent = "Start recording";
    state.textContent = "Asking for camera and microphone …";
    try {
      stream = await openCamera({ audio: true });
    } catch (error) {
      state.textContent = cameraSentence(error);
      return;
    }
    if (!dialog.open) {
      close();
      return;
    }
    view.srcObject = stream;
    view.play().catch(() => {});
    state.textContent = "This is what will be recorded.";
    go.disabled = false;
    go.focus();
  }

  function start() {
    const type = KINDS.find((kind) => MediaRecorder.isTypeSupported(kind)) || "";
    pieces = [];
    kept = false;
    recorder = new MediaRecorder(stream, type ? { mimeType: type } : {});
    recorder.addEventListener("dataavailable", (event) => {
      if (event.data.size) pieces.push(event.data);
    });
    recorder.addEventListener("stop", finish);
    recorder.start(1000);
    const since = performance.now();
    const tell = () => {
      state.textContent = "Recording " + clock((performance.now() - since) / 1000, 0);
    };
    tell();
    timer = setInterval(tell, 1000);
    go.textContent = "Stop and use it";
  }

  function finish() {
    if (kept) {
      const plain = recorder.mimeType.split(";")[0] || "video/webm";
      const time = new Date(),
        two = (n) => String(n).padStart(2, "0");
      const name =
        "recording " +
        two(time.getHours()) +
        "-" +
        two(time.getMinutes()) +
        "-" +
        two(time.getSeconds()) +
        (plain.includes("mp4") ? ".mp4" : ".webm");
      take(new File(pieces, name, { type: plain }));
    }
    pieces = [];
    recorder = null;
    dialog.close();
  }

  function close() {
    clearInterval(timer);
    if (recorder && recorder.state !== "inactive") {
      kept = false;
      recorder.stop();
    }
    if (stream) for (const track of stream.getTracks()) track.stop();
    stream = view.srcObject = null;
  }

  button.addEventListener("click", open);
  go.addEventListener("click", () => {
    if (!recorder) {
      start();
      return;
    }
    kept = true;
    recorder.stop();
  });
  cancel.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", close);
}

export function openCamera({ audio }) {
  if (!navigator.mediaDevices) return Promise.reject(new DOMException("", "NotSupportedError"));
  return navigator.mediaDevices.getUserMedia({
    video: { width: { ideal: 640 }, height: { ideal: 480 }, facingMode: "user" },
    audio,
  });
}

export function cameraSentence(error) {
  if (error.name === "NotAllowedError")
    return "The browser was not allowed to use the camera or the microphone. Allow both for this page, and try again.";
  if (error.name === "NotFoundError") return "No camera or no microphone was found on this computer.";
  if (error.name === "NotReadableError") return "The camera is in use by another program.";
  return "This browser gives this page no camera. It needs the address that `vatrace serve` printed, on this computer.";
}
