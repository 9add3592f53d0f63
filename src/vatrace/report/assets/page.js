// The page's behaviour: one clock (the clip, or a silent one), one cursor, and views that follow it.
// Times are seconds on the clip's own clock; the frame shown is the one the browser presented, not the one asked for.
(() => {
  "use strict";

  const TAIL_SECONDS = 5;
  const RATES = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 4];
  const SPOKEN_EVERY_MS = 5000; // while playing; a screen reader could not keep up with more
  const STILL_EVERY_MS = 250; // redraws of the plane for readers who asked for less motion
  const DASHES = ["2px,4px", "9px,5px", "3px,4px", "14px,4px", "6px,3px,2px,3px", "2px,7px", "11px,8px", "5px,2px"]; // of persons 0, 1, ...
  const MOST_POINTS = 6000; // of one drawn line; longer traces are drawn by their extremes
  const CLOCK_TOLERANCE_SECONDS = 0.002; // between the container's timestamp and the browser's

  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("trace-data").textContent);
  const times = data.trace.time;
  const people = [{ person: data.person, trace: data.trace, missing: data.missing }, ...data.others]; // the main one first
  let { trace, missing } = people[0]; // of whom the page tells just now
  const last = times.length - 1;
  const start = last >= 0 ? times[0] : 0;
  const end = Math.max(data.end, start + 0.001);
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();

  const FONT = getComputedStyle(document.body).fontFamily; // plotly measures text, so it must know the font by name

  // ---- words -------------------------------------------------------------------------------------------------------

  const clock = (seconds, digits = 1) => {
    const scale = 10 ** digits;
    const ticks = Math.round(Math.max(0, seconds) * scale);
    const rest = (ticks % (60 * scale)) / scale;
    return Math.floor(ticks / (60 * scale)) + ":" + rest.toFixed(digits).padStart(digits ? digits + 3 : 2, "0");
  };
  const signed = (value) => {
    if (value === null || value === undefined) return "–";
    const text = Math.abs(value).toFixed(2);
    return text === "0.00" ? "0.00" : (value < 0 ? "−" : "+") + text;
  };
  const share = (value) => (value === null || value === undefined ? "–" : value.toFixed(2).replace(/^0\./, "."));
  const episodesAt = (time) => data.episodes.filter((one) => one.start <= time && time < one.end);
  const senses = (i) => [
    ["face", trace.face, "seen", "no face"],
    ["voice", trace.voice, "heard", "no voice"],
  ].filter(([, flags]) => flags).map(([name, flags, yes, no]) => ({ there: flags[i], text: flags[i] ? name + " " + yes : no }));
  // A voice alone may give arousal and no valence: each dimension is judged by itself.
  const hasPoint = (i) => trace.valence[i] !== null && trace.arousal[i] !== null;
  const hasAny = (i) => trace.valence[i] !== null || trace.arousal[i] !== null;
  function restsOn(i) {
    if (!trace.face && !trace.voice) return "";
    if (!hasAny(i)) return "no value here";
    const face = trace.face && trace.face[i], voice = trace.voice && trace.voice[i];
    if (!face && !voice) return "";
    const gates = trace.gate_face ? " (gates " + share(trace.gate_face[i]) + " / " + share(trace.gate_voice[i]) + ")" : "";
    return "rests on " + (face && voice ? "face and voice" : "the " + (face ? "face" : "voice") + " alone") + gates;
  }

  function sentence(i) {
    const parts = [clock(times[i]), "valence " + signed(trace.valence[i]), "arousal " + signed(trace.arousal[i])];
    return parts.concat(senses(i).map((one) => one.text), restsOn(i) || []).join(", ");
  }

  // ---- time to frame -----------------------------------------------------------------------------------------------

  function indexAt(list, time) {
    let low = 0, high = list.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (list[middle] <= time + CLOCK_TOLERANCE_SECONDS) low = middle; else high = middle - 1;
    }
    return low;
  }
  const truthAt = (name, time) => (data.truth && data.truth.time.length ? data.truth[name][indexAt(data.truth.time, time)] : null);
  const insideFrame = (i) => times[i] + 0.4 * ((i < last ? times[i + 1] : end) - times[i]);

  // ---- the clock ---------------------------------------------------------------------------------------------------

  function clipPlayer(video, shown) {
    let wanted = null; // the latest place asked for while an earlier seek was still under way
    video.controls = false;
    asBlob(video);
    video.addEventListener("seeked", () => {
      if (wanted !== null) { const time = wanted; wanted = null; video.currentTime = time; }
    });
    const follow = () => {
      if (video.videoWidth && video.requestVideoFrameCallback) { // sound alone presents no frames
        const step = (_, frame) => { if (!video.seeking) shown(frame.mediaTime); video.requestVideoFrameCallback(step); };
        video.requestVideoFrameCallback(step);
      } else {
        const step = () => { if (!video.seeking) shown(video.currentTime); requestAnimationFrame(step); };
        requestAnimationFrame(step);
      }
    };
    if (video.readyState) follow(); else video.addEventListener("loadedmetadata", follow, { once: true });
    ["play", "pause", "ended"].forEach((name) => video.addEventListener(name, drawTransport));
    return {
      get paused() { return video.paused; },
      get rate() { return video.playbackRate; },
      set rate(value) { video.playbackRate = value; },
      play: () => video.play().catch(() => drawTransport()),
      pause: () => video.pause(),
      seek: (time) => { if (video.seeking) wanted = time; else video.currentTime = time; },
    };
  }

  // Some browsers seek badly, or not at all, in a data URI; in a blob of the same bytes they all do.
  function asBlob(video) {
    fetch(video.src).then((answer) => answer.blob()).then((blob) => {
      const { currentTime, paused } = video;
      video.src = URL.createObjectURL(blob);
      video.currentTime = currentTime;
      if (!paused) video.play();
    }).catch(() => {}); // the data URI stays, and plays
  }

  function silentPlayer(shown) {
    let at = start, since = null, rate = 1;
    const now = () => Math.min(end, since === null ? at : at + (rate * (performance.now() - since)) / 1000);
    const stop = () => { at = now(); since = null; drawTransport(); };
    const step = () => {
      if (since === null) return;
      shown(now());
      if (now() >= end) stop(); else requestAnimationFrame(step);
    };
    return {
      get paused() { return since === null; },
      get rate() { return rate; },
      set rate(value) { at = now(); if (since !== null) since = performance.now(); rate = value; },
      play: () => { if (at >= end) at = start; since = performance.now(); drawTransport(); requestAnimationFrame(step); },
      pause: stop,
      seek: (time) => { at = time; if (since !== null) since = performance.now(); },
    };
  }

  // ---- state: one frame, shown everywhere --------------------------------------------------------------------------

  let current = -1;
  let spokenAt = 0, planeAt = 0, speaking = 0;
  let plotBox = null; // where time and values lie on the screen, after the last drawing

  function show(i) {
    if (last < 0 || i === current) return;
    current = i;
    drawCursor();
    drawReadout();
    const wait = still.matches && !player.paused ? STILL_EVERY_MS : 0;
    if (performance.now() - planeAt >= wait) { planeAt = performance.now(); drawTail(); }
    speak();
  }

  // Says the moment once it has come to rest, and now and then while playing.
  function speak() {
    const say = () => { spokenAt = performance.now(); $("spoken").textContent = sentence(current); };
    clearTimeout(speaking);
    if (player.paused) speaking = setTimeout(say, 400);
    else if (performance.now() - spokenAt > SPOKEN_EVERY_MS) say();
  }

  function seekIndex(i) {
    const target = Math.max(0, Math.min(last, i));
    if (last < 0) return;
    player.seek(insideFrame(target));
    show(target);
  }
  const seekTime = (time) => seekIndex(indexAt(times, time));
  const toggle = () => (player.paused ? player.play() : player.pause());
  function changeRate(by) {
    const place = RATES.indexOf(player.rate);
    player.rate = RATES[Math.max(0, Math.min(RATES.length - 1, place + by))];
    drawTransport();
  }

  function drawTransport() {
    const playing = !player.paused;
    $("play").setAttribute("aria-label", playing ? "Pause" : "Play");
    $("play-shape").setAttribute("d", playing ? "M7 5h4v14H7zM13 5h4v14h-4z" : "M8 5v14l11-7z");
    $("rate").textContent = player.rate + "×";
    $("rate").setAttribute("aria-label", "Speed " + player.rate + "×");
    if (!playing) { drawTail(); if (current >= 0) speak(); }
  }

  function drawCursor() {
    const time = times[current];
    $("cursor").dataset.time = time;
    if (plotBox) $("cursor").style.transform = "translateX(" + ((time - start) / (end - start)) * plotBox.width + "px)";
    const line = $("timeline");
    line.setAttribute("aria-valuenow", time.toFixed(2));
    line.setAttribute("aria-valuetext", sentence(current));
  }

  function drawReadout() {
    const time = times[current];
    $("now").textContent = $("read-time").textContent = clock(time);
    for (const name of ["valence", "arousal"]) {
      $("read-" + name).textContent = signed(trace[name][current]);
      $("read-" + name + "-truth").textContent = data.truth ? "truth " + signed(truthAt(name, time)) : "";
    }
    $("read-senses").replaceChildren(...senses(current).flatMap(({ there, text }, n) => {
      const part = document.createElement("span");
      part.textContent = text;
      if (!there) part.className = "gone";
      return n ? [", ", part] : [part];
    }));
    $("read-gates").textContent = restsOn(current);
  }

  // ---- curves ------------------------------------------------------------------------------------------------------

  const panels = [
    { key: "valence", name: "Valence", from: "unpleasant −1 to pleasant +1", range: [-1, 1], weight: 1.3 },
    { key: "arousal", name: "Arousal", from: "calm −1 to excited +1", range: [-1, 1], weight: 1.3 },
  ];
  if (trace.gate_face) { // true of shares in a value (late fusion) and of a channel's own stream against the other (BDCA)
    panels.push({ key: "gate_face", name: "Face gate", from: "weight of the face itself (1) against the voice (0)", range: [0, 1], weight: 0.8, channel: "face" });
    panels.push({ key: "gate_voice", name: "Voice gate", from: "weight of the voice itself (1) against the face (0)", range: [0, 1], weight: 0.8, channel: "voice" });
  }
  panels.forEach((panel, n) => { panel.axis = n ? String(n + 1) : ""; panel.colour = panel.channel || panel.key; });

  // The lowest and highest point of every bucket: a line of millions looks the same and draws at once.
  function thinned(x, y) {
    if (x.length <= MOST_POINTS) return { x, y };
    const size = Math.ceil(x.length / (MOST_POINTS / 2)), outX = [], outY = [];
    for (let from = 0; from < x.length; from += size) {
      const to = Math.min(from + size, x.length);
      let low = from, high = from, hole = -1;
      for (let i = from; i < to; i++) {
        if (y[i] === null) { hole = i; continue; }
        if (y[low] === null || y[i] < y[low]) low = i;
        if (y[high] === null || y[i] > y[high]) high = i;
      }
      for (const i of [...new Set([low, high, hole])].filter((one) => one >= 0).sort((a, b) => a - b)) { outX.push(x[i]); outY.push(y[i]); }
    }
    return { x: outX, y: outY };
  }

  const line = (panel, from, values, style) =>
    ({ ...thinned(from, values), type: "scatter", mode: "lines", line: style, xaxis: "x", yaxis: "y" + panel.axis, connectgaps: false, hoverinfo: "skip" });

  function hatched(panel, episodes) {
    const width = episodes.map((one) => one.end - one.start);
    const [low, high] = panel.range;
    return {
      type: "bar", xaxis: "x", yaxis: "y" + panel.axis, base: low, width, hoverinfo: "skip",
      x: episodes.map((one, n) => one.start + width[n] / 2), y: episodes.map(() => high - low),
      marker: { color: "rgba(0,0,0,0)", line: { width: 0 }, pattern: { shape: "/", size: 9, solidity: 0.12, fillmode: "overlay", fgcolor: colour(panel.colour) } },
    };
  }

  function curveTraces() {
    return panels.flatMap((panel) => {
      const drawn = [];
      const episodes = panel.channel ? data.episodes.filter((one) => one.channel === panel.channel) : [];
      if (episodes.length) drawn.push(hatched(panel, episodes));
      if (data.truth && !panel.channel) drawn.push(line(panel, data.truth.time, data.truth[panel.key], { color: colour("truth"), width: 1.5, dash: "5px,3px" }));
      people.forEach((one, n) => {
        if (one.trace === trace || panel.channel) return;
        drawn.push({ ...line(panel, times, one.trace[panel.key], { color: colour(panel.colour), width: 1.5, dash: DASHES[n % DASHES.length] }), opacity: 0.75 });
      });
      drawn.push(line(panel, times, trace[panel.key], { color: colour(panel.colour), width: 2.3 }));
      return drawn;
    });
  }

  function timeTicks(width) {
    const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];
    const step = steps.find((one) => ((end - start) / one) * 62 < width) || steps[steps.length - 1];
    const values = [];
    for (let n = Math.ceil(start / step - 1e-9); n * step <= end + 1e-9; n++) values.push(n * step);
    return { tickmode: "array", tickvals: values, ticktext: values.map((one) => clock(one, step < 1 ? 1 : 0)) };
  }

  const HEADING = 30; // pixels above each panel for its name
  const MARGIN = { l: 44, r: 20, t: 0, b: 30, pad: 4 };

  function curveLayout(width, height) {
    const inner = height - MARGIN.b;
    const unit = (inner - HEADING * panels.length) / panels.reduce((sum, one) => sum + one.weight, 0);
    const plotWidth = width - MARGIN.l - MARGIN.r;
    const layout = {
      width, height, margin: MARGIN, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false, hovermode: false,
      font: { family: FONT, size: 12.5, color: colour("soft") }, shapes: [], annotations: [], bargap: 0, barmode: "overlay",
      xaxis: { range: [start, end], showgrid: true, gridcolor: colour("grid"), zeroline: false, anchor: "y" + panels[panels.length - 1].axis, ...timeTicks(plotWidth) },
    };
    let top = 0;
    for (const panel of panels) {
      top += HEADING;
      const bottom = top + unit * panel.weight;
      addPanel(layout, panel, 1 - bottom / inner, 1 - top / inner, plotWidth);
      top = bottom;
    }
    return layout;
  }

  function addPanel(layout, panel, low, high, plotWidth) {
    const affect = !panel.channel;
    layout["yaxis" + panel.axis] = {
      domain: [low, high], range: panel.range, fixedrange: true, gridcolor: colour("grid"), zeroline: affect, zerolinecolor: colour("soft"), zerolinewidth: 1,
      tickvals: affect ? [-1, -0.5, 0, 0.5, 1] : [0, 0.5, 1], ticktext: affect ? ["−1", "−.5", "0", "+.5", "+1"] : ["0", ".5", "1"],
    };
    const detail = plotWidth < 420 && panel.channel ? "1 itself, 0 the other" : panel.from;
    layout.annotations.push({
      text: "<b style='color:" + colour("ink") + "'>" + panel.name + "</b>  " + detail, showarrow: false, xref: "paper", yref: "paper",
      x: 0, y: high, xanchor: "left", yanchor: "bottom", yshift: 2, font: { size: 13 },
    });
    const gone = missing
      .filter((one) => affect || one.kind === "no " + panel.channel || one.kind.startsWith("neither"))
      .map((one) => ({ ...one, fill: colour("missing"), opacity: affect && lacks(panel.key, one) ? 0.8 : 0.45, ink: colour("soft"), bare: !affect }));
    const episodes = affect
      ? []
      : data.episodes.filter((one) => one.channel === panel.channel).map((one) => ({ ...one, fill: colour(panel.colour), opacity: 0.14, ink: colour(panel.colour) }));
    for (const band of [...gone, ...episodes]) addBand(layout, panel, band, plotWidth);
  }

  // Whether a stretch has no value of a dimension at all.
  function lacks(key, span) {
    for (let i = indexAt(times, span.start); i <= last && times[i] < span.end - CLOCK_TOLERANCE_SECONDS; i++) if (trace[key][i] !== null) return false;
    return true;
  }

  function addBand(layout, panel, band, plotWidth) {
    const y = "y" + panel.axis;
    layout.shapes.push({
      type: "rect", layer: "below", xref: "x", yref: y + " domain", x0: Math.max(start, band.start), x1: Math.min(end, band.end), y0: 0, y1: 1,
      fillcolor: band.fill, opacity: band.opacity, line: { width: 0 },
    });
    const room = ((band.end - band.start) / (end - start)) * plotWidth;
    if (band.bare || room < band.kind.length * 6.4 + 6) return;
    layout.annotations.push({
      text: escapeText(band.kind), showarrow: false, xref: "x", yref: y + " domain", x: (band.start + band.end) / 2, y: 0, yanchor: "bottom", font: { size: 12, color: band.ink },
      bgcolor: colour("card"), borderpad: 1, yshift: 2, opacity: 0.92,
    });
  }

  // Plotly reads a few tags in labels; a clip's own words must not become any.
  const escapeText = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

  function drawCurves() {
    const { clientWidth: width, clientHeight: height } = $("curves-box");
    if (!width || last < 0) return;
    Plotly.react("curves", curveTraces(), curveLayout(width, height), { staticPlot: true });
    plotBox = { left: MARGIN.l, width: width - MARGIN.l - MARGIN.r };
    Object.assign($("timeline").style, { left: plotBox.left + "px", width: plotBox.width + "px", top: HEADING - 8 + "px", height: height - MARGIN.b - HEADING + 8 + "px" });
    if (current >= 0) drawCursor();
  }

  // ---- the plane ---------------------------------------------------------------------------------------------------

  const QUADRANTS = [
    ["pleasant & excited", "delighted, lively", 1, 1], ["unpleasant & excited", "angry, tense", -1, 1],
    ["unpleasant & calm", "sad, bored", -1, -1], ["pleasant & calm", "content, relaxed", 1, -1],
  ];
  const PLANE_MARGIN = { l: 42, r: 14, t: 10, b: 46, pad: 3 }; // l + r = t + b: the plane stays square

  function drawPlane() {
    const { clientWidth: size } = $("plane-box");
    if (!size || last < 0) return;
    const ticks = { range: [-1, 1], fixedrange: true, tickvals: [-1, 0, 1], ticktext: ["−1", "0", "+1"], gridcolor: colour("grid"), zerolinecolor: colour("soft"), zerolinewidth: 1 };
    const path = (from, style) => ({ ...style, type: "scatter", mode: "lines", x: from.valence, y: from.arousal, hoverinfo: "skip", connectgaps: false });
    const drawn = [];
    if (data.truth) drawn.push(path(data.truth, { line: { color: colour("truth"), width: 1, dash: "4px,3px" }, opacity: 0.55 }));
    drawn.push(path(trace, { line: { color: colour("accent"), width: 1.2 }, opacity: 0.4 }));
    Plotly.react("plane", drawn, {
      width: size, height: size, margin: PLANE_MARGIN, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false, hovermode: false,
      font: { family: FONT, size: 12, color: colour("soft") },
      xaxis: { ...ticks, title: { text: "unpleasant  ←  <b>valence</b>  →  pleasant", standoff: 6, font: { size: 12 } } },
      yaxis: { ...ticks, title: { text: "calm  ←  <b>arousal</b>  →  excited", standoff: 2, font: { size: 12 } } },
      annotations: QUADRANTS.map(([words, such, x, y]) => ({
        text: "<b>" + words.replace(" & ", "<br>&amp; ") + "</b><br>" + such, showarrow: false, x: x * 0.97, y: y * 0.96, align: x > 0 ? "right" : "left",
        xanchor: x > 0 ? "right" : "left", yanchor: y > 0 ? "top" : "bottom", font: { size: 10.5, color: colour("soft") },
      })),
    }, { staticPlot: true });
    drawTail();
  }

  function drawTail() {
    const canvas = $("tail"), size = canvas.clientWidth, ratio = window.devicePixelRatio || 1;
    if (!size || current < 0) return;
    canvas.width = canvas.height = Math.round(size * ratio);
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const wide = size - PLANE_MARGIN.l - PLANE_MARGIN.r;
    const x = (value) => PLANE_MARGIN.l + ((value + 1) / 2) * wide;
    const y = (value) => PLANE_MARGIN.t + ((1 - value) / 2) * wide;
    if (!still.matches || player.paused) strokeTail(pen, x, y);
    const now = times[current];
    const truth = [truthAt("valence", now), truthAt("arousal", now)];
    if (hasPoint(current)) dot(pen, x(trace.valence[current]), y(trace.arousal[current]));
    if (truth[0] !== null && truth[1] !== null) ring(pen, x(truth[0]), y(truth[1]));
  }

  function strokeTail(pen, x, y) {
    const now = times[current];
    pen.lineCap = "round";
    pen.strokeStyle = colour("accent");
    for (let i = indexAt(times, now - TAIL_SECONDS) + 1; i <= current; i++) {
      if (!hasPoint(i) || !hasPoint(i - 1)) continue;
      const fresh = Math.max(0, 1 - (now - times[i]) / TAIL_SECONDS);
      pen.globalAlpha = 0.12 + 0.88 * fresh;
      pen.lineWidth = 1.2 + 3 * fresh;
      pen.beginPath();
      pen.moveTo(x(trace.valence[i - 1]), y(trace.arousal[i - 1]));
      pen.lineTo(x(trace.valence[i]), y(trace.arousal[i]));
      pen.stroke();
    }
    pen.globalAlpha = 1;
  }

  function dot(pen, x, y) {
    pen.beginPath();
    pen.arc(x, y, 7, 0, 2 * Math.PI);
    pen.fillStyle = colour("accent");
    pen.fill();
    pen.lineWidth = 2;
    pen.strokeStyle = colour("card");
    pen.stroke();
  }

  function ring(pen, x, y) {
    pen.beginPath();
    pen.arc(x, y, 6, 0, 2 * Math.PI);
    for (const [width, name] of [[5, "card"], [2.4, "truth"]]) {
      pen.lineWidth = width;
      pen.strokeStyle = colour(name);
      pen.stroke();
    }
  }

  // ---- pointer -----------------------------------------------------------------------------------------------------

  const timeAt = (event) => {
    const box = $("timeline").getBoundingClientRect();
    return start + Math.max(0, Math.min(1, (event.clientX - box.left) / box.width)) * (end - start);
  };

  function pointAt(event) {
    const box = $("curves-box").getBoundingClientRect();
    const i = indexAt(times, timeAt(event)), time = times[i];
    const withTruth = (name) => name + " " + signed(trace[name][i]) + (data.truth ? " (truth " + signed(truthAt(name, time)) + ")" : "");
    const lines = [clock(time, 2), withTruth("valence"), withTruth("arousal"), senses(i).map((one) => one.text).join(", "), restsOn(i)];
    episodesAt(time).forEach((one) => lines.push("unreliable: " + one.channel + " " + one.kind));
    const tip = $("tip");
    tip.textContent = lines.filter(Boolean).join("\n");
    tip.hidden = $("hover").hidden = false;
    const x = event.clientX - box.left, y = event.clientY - box.top;
    const left = x + tip.offsetWidth + 24 > box.width ? x - tip.offsetWidth - 14 : x + 14;
    const top = Math.max(0, Math.min(box.height - tip.offsetHeight, y + 14));
    tip.style.transform = "translate(" + Math.max(0, left) + "px," + top + "px)";
    $("hover").style.transform = "translateX(" + ((time - start) / (end - start)) * plotBox.width + "px)";
  }

  function listenToPointer() {
    const area = $("timeline");
    const leave = () => { $("tip").hidden = $("hover").hidden = true; };
    let dragging = false;
    area.addEventListener("pointerdown", (event) => {
      if (event.button || last < 0) return;
      dragging = true;
      area.setPointerCapture(event.pointerId);
      seekTime(timeAt(event));
    });
    area.addEventListener("pointermove", (event) => {
      if (last < 0) return;
      if (dragging) seekTime(timeAt(event));
      if (event.pointerType === "mouse") pointAt(event);
    });
    for (const name of ["pointerup", "pointercancel"]) area.addEventListener(name, () => { dragging = false; });
    area.addEventListener("pointerleave", leave);
    $("play").addEventListener("click", toggle);
    $("rate").addEventListener("click", () => {
      player.rate = RATES[(RATES.indexOf(player.rate) + 1) % RATES.length];
      drawTransport();
    });
    $("help").addEventListener("click", () => $("sheet").showModal());
    document.querySelectorAll("#player video").forEach((video) => video.addEventListener("click", toggle));
  }

  // ---- whose trace ---------------------------------------------------------------------------------------------------

  function offerPeople() {
    const named = (n) => "P" + people[n].person + (people[n].person ? "" : ", the main person"); // the number is the CSV's
    $("who").replaceChildren(...people.map((_, n) => new Option(named(n), n)));
    $("others").replaceChildren(...people.map((_, n) => {
      const entry = document.createElement("span");
      const svg = $("sample").cloneNode(true), path = svg.firstElementChild;
      svg.removeAttribute("id");
      svg.removeAttribute("hidden");
      path.setAttribute("stroke-dasharray", DASHES[n % DASHES.length].replace(/px/g, ""));
      entry.append(svg, named(n));
      return entry;
    }));
    const choose = () => {
      ({ trace, missing } = people[$("who").value]);
      [...$("others").children].forEach((entry, n) => { entry.hidden = people[n].trace === trace; });
      if (current < 0) return;
      drawReadout();
      drawCursor();
      drawAll();
      speak();
    };
    choose();
    $("who").addEventListener("change", choose);
  }

  // ---- keyboard ----------------------------------------------------------------------------------------------------

  const byTime = (seconds) => seekTime(times[Math.max(0, current)] + seconds);
  const byFrame = (frames) => seekIndex(Math.max(0, current) + frames);
  const arrow = (sign) => (event) => {
    if (event.shiftKey) byTime(sign * (player.paused ? 1 : 10));
    else if (player.paused) byFrame(sign);
    else byTime(sign);
  };
  const KEYS = {
    " ": toggle, k: toggle, j: () => changeRate(-1), l: () => changeRate(1),
    arrowleft: arrow(-1), arrowright: arrow(1), ",": () => byFrame(-1), ".": () => byFrame(1),
    home: () => seekIndex(0), end: () => seekIndex(last), "?": () => $("sheet").showModal(),
  };

  // Single keys act only in the player or on the bare page, never while typing, in a dialog, or with a browser's own key.
  function isOurs(event) {
    const target = event.target;
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || $("sheet").open) return false;
    if (event.key === "?") return target === document.body || $("player").contains(target);
    if (!$("keys-on").checked || target.closest("input, textarea, select, [contenteditable]")) return false;
    if (event.key === " " && target.closest("button, summary, a")) return false;
    return target === document.body || $("player").contains(target);
  }

  function listenToKeys() {
    document.addEventListener("keydown", (event) => {
      const act = KEYS[event.key.toLowerCase()];
      if (!act || !isOurs(event)) return;
      event.preventDefault();
      act(event);
    });
  }

  // ---- begin -------------------------------------------------------------------------------------------------------

  const shown = (time) => { if (last >= 0) show(indexAt(times, time)); };
  const video = document.querySelector("#player video, #player audio");
  let player = video ? null : silentPlayer(shown);
  if (video) {
    player = clipPlayer(video, shown);
    video.addEventListener("error", () => {
      if (video.error && video.src.startsWith("blob:")) { player = silentPlayer(shown); $("unplayable").hidden = false; video.hidden = true; }
    });
  }

  function drawAll() { drawCurves(); drawPlane(); }
  $("duration").textContent = clock(end);
  $("timeline").setAttribute("aria-valuemin", start.toFixed(2));
  $("timeline").setAttribute("aria-valuemax", end.toFixed(2));
  const there = { truth: data.truth, missing: people.some((one) => one.missing.length), people: people.length > 1, episodes: data.episodes.length && trace.gate_face };
  document.querySelectorAll("[data-needs]").forEach((one) => { one.hidden = !there[one.dataset.needs]; });
  offerPeople();
  listenToPointer();
  listenToKeys();
  show(0);
  drawAll();
  drawTransport();
  const resized = new ResizeObserver(drawAll);
  resized.observe(document.querySelector(".player"));
  resized.observe($("curves-box")); // shrinks where the words above it take one more line
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
})();
