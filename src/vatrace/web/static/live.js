// Camera and microphone to the server and values back. Pictures that the line cannot take in time are dropped and
// counted: a late picture is worth less than the next one. All times are of one clock, the page's.

import { cameraSentence, openCamera } from "./record.js";

const SAMPLE_RATE = 16000; // Hz
const PICTURES_PER_SECOND = 15;
const MOST_UNSENT_BYTES = 200000; // waiting in the browser; beyond that pictures are dropped
const WIDTH = 640; // pixels of a sent picture at most
const QUALITY = 0.8; // of its JPEG
const PICTURE = 1,
  SOUND = 2;
const HEAD_BYTES = 9; // kind, then the time in seconds as float64

const now = () => performance.now() / 1000;

function message(kind, time, payload) {
  const bytes = new Uint8Array(HEAD_BYTES + payload.byteLength);
  bytes[0] = kind;
  new DataView(bytes.buffer).setFloat64(1, time, true);
  bytes.set(new Uint8Array(payload.buffer || payload, payload.byteOffset || 0, payload.byteLength), HEAD_BYTES);
  return bytes;
}

// on: {value(message), state("loading" or "ready"), stopped(sentence), started()}. Returns {start, stop}.
export function makeLive(video, on) {
  let session = null;

  async function start() {
    if (session) return;
    const own = (session = { stream: null, socket: null, sound: null, timer: 0, dropped: 0, encoding: false });
    try {
      own.stream = await openCamera({
        audio: { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false },
      });
      if (session !== own) {
        stopTracks(own);
        return;
      }
      video.srcObject = own.stream;
      await video.play();
      await connect(own);
      await listen(own);
    } catch (error) {
      if (session === own) stop(error instanceof DOMException ? cameraSentence(error) : error.message);
      return;
    }
    if (session !== own) return;
    own.timer = setInterval(() => look(own), 1000 / PICTURES_PER_SECOND);
    on.started();
  }

  function connect(own) {
    const socket = (own.socket = new WebSocket("ws" + location.protocol.slice(4) + "//" + location.host + "/api/live"));
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", (event) => {
      const told = JSON.parse(event.data);
      if (told.error) stop(told.error);
      else if (told.state) on.state(told.state);
      else if (session === own && typeof told.time === "number")
        on.value({ ...told, delay: now() - told.time, dropped: own.dropped + (told.dropped || 0) });
    });
    return new Promise((resolve, reject) => {
      socket.addEventListener("open", () => {
        socket.send(JSON.stringify({ type: "start", sample_rate: SAMPLE_RATE }));
        resolve();
      });
      socket.addEventListener("close", (event) => {
        const sentence = event.reason || "The server ended the live view.";
        reject(new Error(sentence));
        if (session === own) stop(sentence);
      });
    });
  }

  async function listen(own) {
    const sound = (own.sound = new AudioContext({ sampleRate: SAMPLE_RATE }));
    await sound.audioWorklet.addModule("/microphone.js");
    const ears = new AudioWorkletNode(sound, "microphone", { numberOfOutputs: 0 });
    sound.createMediaStreamSource(own.stream).connect(ears);
    ears.port.addEventListener("message", ({ data }) => {
      if (own.socket.readyState !== WebSocket.OPEN) return;
      own.socket.send(message(SOUND, now() - (sound.currentTime - data.time), data.samples));
    });
    ears.port.start();
    await sound.resume();
  }

  function look(own) {
    if (own.socket.readyState !== WebSocket.OPEN || !video.videoWidth) return;
    if (own.encoding || own.socket.bufferedAmount > MOST_UNSENT_BYTES) {
      own.dropped += 1;
      return;
    }
    const time = now(),
      scale = Math.min(1, WIDTH / video.videoWidth);
    own.canvas = own.canvas || document.createElement("canvas");
    own.canvas.width = Math.round(video.videoWidth * scale);
    own.canvas.height = Math.round(video.videoHeight * scale);
    own.canvas.getContext("2d").drawImage(video, 0, 0, own.canvas.width, own.canvas.height);
    own.encoding = true;
    own.canvas.toBlob(
      async (blob) => {
        const bytes = blob ? await blob.arrayBuffer() : null;
        own.encoding = false;
        if (bytes && own.socket.readyState === WebSocket.OPEN) own.socket.send(message(PICTURE, time, bytes));
      },
      "image/jpeg",
      QUALITY,
    );
  }

  function stopTracks(own) {
    if (own.stream) for (const track of own.stream.getTracks()) track.stop();
  }

  function stop(sentence = "") {
    const own = session;
    if (!own) return;
    session = null;
    clearInterval(own.timer);
    stopTracks(own);
    if (own.socket) own.socket.close();
    if (own.sound) own.sound.close();
    video.srcObject = null;
    on.stopped(sentence);
  }

  return {
    start,
    stop,
    get running() {
      return session !== null;
    },
  };
}
