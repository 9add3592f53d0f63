// Runs beside the page, where the sound comes in: hands on blocks of a tenth of a second with the time of their first sample.

const BLOCK_SECONDS = 0.1;

class Microphone extends AudioWorkletProcessor {
  constructor() {
    super();
    this.block = new Float32Array(Math.round(sampleRate * BLOCK_SECONDS));
    this.filled = 0;
    this.from = 0;
  }

  process([channels]) {
    if (!channels.length) return true;
    if (!this.filled) this.from = currentTime;
    for (let i = 0; i < channels[0].length; i++) {
      let sum = 0;
      for (const channel of channels) sum += channel[i];
      this.block[this.filled++] = sum / channels.length;
      if (this.filled === this.block.length) this.send(i + 1);
    }
    return true;
  }

  send(next) {
    this.port.postMessage({ samples: this.block.slice(), time: this.from });
    this.filled = 0;
    this.from = currentTime + next / sampleRate;
  }
}

registerProcessor("microphone", Microphone);
