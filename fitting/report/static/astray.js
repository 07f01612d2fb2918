// Answers beyond the rows with the law's own error in them, as fitting/astray.py: each draw has one error, which grows with
// the distance of its own answer, and the distance is sought at which question and answer agree.

import { moved } from "./draws.js";

const AGREE = 1e-4, FARTHEST = 30, STEPS = 40;

// The answers `alone` of all draws with the error: {found, distance, widened}, or null where the distance cannot be told.
// `sizes`: response -> the error of every draw a decade out; `distance(found, rows)`: decades of some draws' answers;
// `again(errors, rows)`: the answers of some draws if the responses are off by so much; `best`: the response whose optimum
// is sought, if one is, and `on`: response -> the scale of its noise.
export function beyondRows({alone, sizes, distance, again, growth, best, on}) {
  const every = Int32Array.from({length: Object.values(alone)[0].length}, (_, i) => i), first = distance(alone, every);
  if (first === null) return null;
  if (!Object.keys(sizes).length || !first.some((one) => one > 0)) return {found: alone, distance: first, widened: false};
  const at = (far, rows) => {
    const off = Object.create(null);
    for (const name of Object.keys(sizes)) off[name] = Float64Array.from(rows, (i, n) => sizes[name][i] * growth(far[n]));
    const found = again(off, rows);
    if (best in off) found[best] = found[best].map((value, n) => moved(on[best], value, off[best][n]));
    return found;
  };
  const far = agreed((r, rows) => distance(at(r, rows), rows), first);
  const rows = every.filter((i) => Number.isFinite(far[i])), found = Object.create(null);
  const last = rows.length ? at(Float64Array.from(rows, (i) => far[i]), rows) : alone;
  for (const name of Object.keys(alone)) {
    found[name] = new Float64Array(every.length).fill(NaN);
    rows.forEach((i, n) => { found[name][i] = last[name][n]; });
  }
  return {found, distance: far, widened: true};
}

// For every draw the least r with distance(r) = r; `first` is that of r = 0. NaN where none is. By secants from below, and
// by the Illinois rule once it is passed.
function agreed(distance, first) {
  const settled = first.map((one) => (one <= 0 ? 0 : NaN));
  const states = Array.from(first, (one) => ({low: 0, atLow: one, before: 0, atBefore: one, high: NaN, atHigh: NaN, side: 0,
    r: one, active: Number.isFinite(one) && one > 0}));
  for (let step = 0; step < STEPS; step++) {
    const rows = Int32Array.from(states.keys()).filter((i) => states[i].active);
    if (!rows.length) break;
    const far = distance(Float64Array.from(rows, (i) => states[i].r), rows);
    rows.forEach((i, n) => {
      const s = states[i], h = far === null ? NaN : far[n] - s.r;
      if (Math.abs(h) <= AGREE) {
        settled[i] = s.r;
        s.active = false;
        return;
      }
      if (h > 0) {
        if (s.side > 0) s.atHigh /= 2;
        Object.assign(s, {side: 1, before: s.low, atBefore: s.atLow, low: s.r, atLow: h});
      } else {
        if (h < 0 && s.side < 0) s.atLow /= 2;
        if (h < 0) s.side = -1;
        Object.assign(s, {high: s.r, atHigh: h});
      }
      const slope = (s.atLow - s.atBefore) / (s.low - s.before);
      if (s.high !== s.high) s.r = slope < 0 ? s.low - s.atLow / slope : s.low + s.atLow;
      else if (s.atHigh !== s.atHigh) s.r = (s.low + s.high) / 2;
      else s.r = (s.low * s.atHigh - s.high * s.atLow) / (s.atHigh - s.atLow);
      s.active = s.r <= FARTHEST && !(s.high - s.low <= AGREE);
    });
  }
  return settled;
}
