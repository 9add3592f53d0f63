// One clock for the page: the clip that plays, or a silent clock where a browser cannot play it. Whoever listens is told
// the time of the frame that was presented, not the one that was asked for. All times in and out are the trace's; what
// is played may begin at another moment than its own 0, which is added on the way out and taken off on the way in.

const REVERSE_RATES = [1, 2, 4];
export const RATES = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 4];

// shown(seconds) at each presented frame, changed() when playing, pausing or the rate change, ended() at the end,
// unplayable() where the browser cannot play the clip.
export function makePlayer(video, { shown, changed, ended, unplayable }) {
  let wanted = null; // the latest place asked for while an earlier seek was still under way
  let silent = null; // the clock that stands in for a clip
  let reverse = null; // {speed, at, since}: while playing backwards, how fast and from where; at is moved by seeks
  let shuttled = false; // whether the speed comes of pressing L again
  let loaded = 0; // counts clips, so that callbacks of an earlier one fall silent
  let bounds = { start: 0, end: 0 };
  let videoStart = 0; // the trace's time at the 0 of what is played

  function follow(ticket) {
    const onPresented = (_, frame) => {
      if (ticket !== loaded) return;
      if (!video.seeking) shown(frame.mediaTime + videoStart);
      video.requestVideoFrameCallback(onPresented);
    };
    const onPaint = () => {
      if (ticket !== loaded) return;
      if (!video.seeking && !silent) shown(time());
      requestAnimationFrame(onPaint);
    };
    if (video.videoWidth && video.requestVideoFrameCallback) video.requestVideoFrameCallback(onPresented);
    else requestAnimationFrame(onPaint); // sound alone presents no frames
  }

  function load(url, { start, end, videoStart: begins = 0, rate = 1 }) {
    unload();
    bounds = { start, end };
    videoStart = begins;
    const ticket = ++loaded;
    video.hidden = false;
    video.src = url;
    video.playbackRate = video.defaultPlaybackRate = rate;
    video.addEventListener(
      "loadedmetadata",
      () => {
        if (ticket === loaded) {
          if (bounds.start > videoStart) put(bounds.start); // what comes before has no row
          follow(ticket);
          changed();
        }
      },
      { once: true },
    );
  }

  function unload() {
    loaded += 1;
    reverse = null;
    shuttled = false;
    wanted = silent = null;
    video.pause();
    video.removeAttribute("src");
    video.load();
  }

  function goSilent() {
    if (!video.getAttribute("src") || silent) return;
    video.hidden = true;
    silent = silentClock(bounds, shown, changed, ended);
    unplayable();
    changed();
  }

  function seek(time) {
    if (reverse) Object.assign(reverse, { at: time, since: performance.now() });
    if (silent) silent.seek(time);
    else if (video.seeking) wanted = time;
    else put(time);
  }
  const put = (time) => {
    video.currentTime = time - videoStart;
  };

  // Browsers do not play backwards, so the clip is led back by seeks, as fast as they are answered.
  function lead(own) {
    const step = () => {
      if (reverse !== own) return;
      const now = performance.now();
      own.at = Math.max(bounds.start, own.at - (own.speed * (now - own.since)) / 1000);
      own.since = now;
      const isThrough = own.at <= bounds.start;
      if (silent) (silent.seek(own.at), shown(own.at));
      else if (!video.seeking) put(own.at);
      if (isThrough) ended();
      if (isThrough && own.at <= bounds.start) pause();
      else requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  function pause() {
    reverse = null;
    if (silent) silent.pause();
    else video.pause();
    unshuttle();
    changed();
  }

  function play() {
    reverse = null;
    unshuttle();
    if (silent) silent.play();
    else video.play().catch(changed);
  }

  function unshuttle() {
    if (shuttled) setRate(1);
  }

  function setRate(rate) {
    shuttled = false;
    if (reverse) reverse.speed = rate;
    else if (silent) silent.rate = rate;
    else video.playbackRate = rate;
    changed();
  }

  // J and L of an editing desk: backward or forward, twice as fast at every further press, up to four times.
  function shuttle(direction) {
    if (direction > 0) {
      if (!paused() && !reverse) {
        setRate(Math.min(4, Math.max(1, rate()) * 2));
        shuttled = true;
      } else {
        reverse = null;
        setRate(1);
        play();
      }
      return;
    }
    const faster = REVERSE_RATES.find((one) => one > (reverse ? reverse.speed : 0)) || Math.max(...REVERSE_RATES);
    const at = reverse ? reverse.at : time();
    if (silent) silent.pause();
    else video.pause();
    if (shuttled) setRate(1);
    reverse = { speed: faster, at, since: performance.now() };
    changed();
    lead(reverse);
  }

  const time = () => (silent ? silent.time : video.currentTime + videoStart);
  const paused = () => !reverse && (silent ? silent.paused : video.paused);
  const rate = () => (reverse ? -reverse.speed : silent ? silent.rate : video.playbackRate);
  const changeRate = (by) => {
    const place = RATES.findIndex((one) => one >= Math.abs(rate()) - 1e-6);
    setRate(RATES[Math.max(0, Math.min(RATES.length - 1, place + by))]);
  };

  video.addEventListener("seeked", () => {
    if (wanted !== null) {
      const next = wanted;
      wanted = null;
      put(next);
    }
  });
  video.addEventListener("error", goSilent);
  for (const name of ["play", "pause", "ratechange"]) video.addEventListener(name, changed);
  video.addEventListener("ended", ended);
  return {
    load,
    unload,
    seek,
    play,
    pause,
    setRate,
    shuttle,
    changeRate,
    toggle: () => (paused() ? play() : pause()),
    get paused() {
      return paused();
    },
    get rate() {
      return rate();
    },
  };
}

function silentClock({ start, end }, shown, changed, ended) {
  let at = start,
    since = null,
    speed = 1;
  const now = () => Math.min(end, since === null ? at : at + (speed * (performance.now() - since)) / 1000);
  const pause = () => {
    at = now();
    since = null;
    changed();
  };
  const step = () => {
    if (since === null) return;
    shown(now());
    if (now() >= end) {
      pause();
      ended();
    } else requestAnimationFrame(step);
  };
  return {
    get time() {
      return now();
    },
    get paused() {
      return since === null;
    },
    get rate() {
      return speed;
    },
    set rate(value) {
      at = now();
      if (since !== null) since = performance.now();
      speed = value;
    },
    play: () => {
      if (at >= end) at = start;
      since = performance.now();
      changed();
      requestAnimationFrame(step);
    },
    pause,
    seek: (time) => {
      at = time;
      if (since !== null) since = performance.now();
    },
  };
}
