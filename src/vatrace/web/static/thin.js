// The lowest and the highest value of any stretch of a series, quickly: a curve of 216,000 points drawn through them
// looks the same as one drawn through all points, and no peak is lost. Blocks of points are summed up once.

const BLOCK = 64;
const summed = new WeakMap(); // series -> its blocks

function blocksOf(series) {
  let blocks = summed.get(series);
  if (!blocks) {
    const count = Math.ceil(series.length / BLOCK);
    blocks = { low: new Float32Array(count), high: new Float32Array(count) };
    for (let n = 0; n < count; n++) {
      [blocks.low[n], blocks.high[n]] = scan(
        series,
        n * BLOCK,
        Math.min((n + 1) * BLOCK, series.length),
        Infinity,
        -Infinity,
      );
    }
    summed.set(series, blocks);
  }
  return blocks;
}

function scan(series, from, to, low, high) {
  for (let i = from; i < to; i++) {
    const value = series[i];
    if (value < low) low = value; // NaN is neither below nor above anything
    if (value > high) high = value;
  }
  return [low, high];
}

// Lowest and highest of series[from..to), low above high where nothing is there.
export function extremes(series, from, to) {
  const firstBlock = Math.ceil(from / BLOCK),
    lastBlock = Math.floor(to / BLOCK);
  if (lastBlock - firstBlock < 2) return scan(series, from, to, Infinity, -Infinity);
  const { low: lows, high: highs } = blocksOf(series);
  let [low, high] = scan(series, from, firstBlock * BLOCK, Infinity, -Infinity);
  for (let n = firstBlock; n < lastBlock; n++) {
    if (lows[n] < low) low = lows[n];
    if (highs[n] > high) high = highs[n];
  }
  return scan(series, lastBlock * BLOCK, to, low, high);
}
