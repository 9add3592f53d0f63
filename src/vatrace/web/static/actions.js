// What keys and buttons do with the clip that is open.

const ZOOM_STEP = 1.6;

// Needs the parts of the page that show a clip, and how to seek in it.
export function makeActions({ player, view, timeline, stretch, markers, seekIndex, seekTime }) {
  const nowAt = () => view.trace.times[Math.max(0, view.current)];
  return {
    toggle: () => player.toggle(),
    shuttle: (direction) => player.shuttle(direction),
    rate: (by) => player.changeRate(by),
    step: (frames) => {
      if (!player.paused) player.pause();
      seekIndex(Math.max(0, view.current) + frames);
    },
    arrow: (sign, shift) => {
      if (player.paused && !shift) seekIndex(Math.max(0, view.current) + sign);
      else seekTime(nowAt() + sign * (shift && !player.paused ? 10 : 1));
    },
    loopFrom: () => {
      const to = stretch.now ? stretch.now.to : view.trace.end;
      stretch.set(nowAt(), to > nowAt() ? to : view.trace.end);
    },
    loopTo: () => {
      const end = view.current < view.trace.last ? view.trace.times[view.current + 1] : view.trace.end;
      stretch.set(stretch.now && stretch.now.from < end ? stretch.now.from : view.trace.start, end);
    },
    loop: () => stretch.toggleLoop(),
    clearStretch: () => stretch.clear(),
    mark: () => markers.add(nowAt()),
    toMarker: (direction) => {
      const time = markers.beside(nowAt(), direction);
      if (time !== null) seekTime(time);
    },
    toStart: () => seekIndex(0),
    toEnd: () => seekIndex(view.trace.last),
    zoom: (sign) => timeline.zoom(sign > 0 ? ZOOM_STEP : 1 / ZOOM_STEP),
    fit: () => timeline.fit(),
    nextPerson: () => {
      const { people } = view.trace;
      view.choose(people[(people.indexOf(view.chosen) + 1) % people.length]);
    },
  };
}
