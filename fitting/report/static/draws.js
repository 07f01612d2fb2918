// Draws and what is made of them: the random numbers that draws carry (fitting/carried.py), noise (fitting/noise.py),
// and quantiles (numpy's, linear between order statistics) by selection.

import { special } from "../../../lawdsl/special.js";
import { counted } from "./counted.js";

const GOLDEN = 0.6180339887498949;

function mixed(x) {
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

// The pairs (u, v) of `count` draws for what is named so.
export function pairs(seed, what, count) {
  let key = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(`${seed} ${what}`)) key = Math.imul(key ^ byte, 0x01000193) >>> 0;
  const ranked = new Float64Array(count);
  for (let i = 0; i < count; i++) ranked[i] = mixed(mixed((i + key) >>> 0) ^ key) * 2097152 + i;
  ranked.sort();
  const u = new Float64Array(count), v = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const place = ranked[i] % 2097152 + 0.5;
    u[i] = place / count;
    v[i] = place * GOLDEN % 1;
  }
  return {u, v};
}

export function normals(seed, what, count) {
  const {u, v} = pairs(seed, what, count);
  return u.map((one, i) => Math.sqrt(-2 * Math.log(one)) * Math.cos(2 * Math.PI * v[i]));
}

// A value of the response moved by so much on the noise's scale; NaN where that scale has no such value.
export function moved(on, value, by) {
  if (on === "log") return value >= 0 ? value * Math.exp(by) : NaN;
  if (on === "logit") return value >= 0 && value <= 1 ? value / (value + (1 - value) * Math.exp(-by)) : NaN;
  return value + by;
}

// (i, mean) -> the new observation that draw i carries where the law's mean is so. `y` holds the numbers of the noise, at
// the places that `outputs` names, of every draw in turn.
export function observer({family, on, delta, df, outputs, residuals}, {u, v}, y) {
  if (residuals) return (i, mean) => moved(on, mean, residuals[Math.floor(u[i] * residuals.length)]);
  if (outputs.scale === undefined) return counted(family, outputs, u, v, y);
  const standard = residual(family, delta, u, v), count = u.length;
  const scaleAt = outputs.scale * count, freeAt = outputs.df === undefined ? -1 : outputs.df * count;
  const scales = new Float64Array(u.length).fill(NaN), dfs = new Float64Array(u.length).fill(NaN);
  const standards = new Float64Array(u.length), factors = new Float64Array(u.length);
  return (i, mean) => {
    const scale = y[scaleAt + i], free = freeAt < 0 ? df : y[freeAt + i];
    if (dfs[i] !== free) {  // along a curve they most often stay
      dfs[i] = free;
      standards[i] = standard(i, free);
      scales[i] = NaN;
    }
    if (on === "identity") return mean + scale * standards[i];
    if (on === "logit") return moved(on, mean, scale * standards[i]);
    if (scales[i] !== scale) {
      scales[i] = scale;
      factors[i] = Math.exp(scale * standards[i]);
    }
    return mean >= 0 ? mean * factors[i] : NaN;
  };
}

// (i, df) -> the residual of scale 1 that draw i carries
function residual(family, delta, u, v) {
  const logs = u.map((one) => -2 * Math.log(one)), turns = v.map((one) => Math.cos(2 * Math.PI * one));
  if (family === "student-t") return (i, df) => Math.sqrt(df * Math.expm1(logs[i] / df)) * turns[i];
  if (family === "laplace") {
    return (i) => Math.sign(0.5 - u[i]) * Math.SQRT1_2 * Math.log1p(-Math.abs(1 - 2 * u[i]));
  }
  if (family !== "huber") return (i) => Math.sqrt(logs[i]) * turns[i];
  const outer = 2 * Math.exp(-0.5 * delta * delta) / delta;
  const tail = 0.5 * outer / (Math.sqrt(2 * Math.PI) * special.erf(delta / Math.SQRT2) + outer);
  const low = special.normal(-delta);
  return (i) => {
    const near = Math.min(u[i], 1 - u[i]);
    const size = near < tail ? -delta + Math.log(near / tail) / delta
      : special.normalQuantile(low + (near - tail) / (1 - 2 * tail) * (1 - 2 * low));
    return u[i] < 0.5 ? size : -size;
  };
}

// The order statistic k of a[left..right], which is rearranged so that nothing before it is larger and nothing after it
// smaller. Source: Floyd & Rivest 1975, algorithm 489, 10.1145/360680.360694.
function select(a, k, left, right) {
  while (right > left) {
    if (right - left > 600) {
      const n = right - left + 1, i = k - left + 1, z = Math.log(n), s = 0.5 * Math.exp(2 * z / 3);
      const sd = 0.5 * Math.sqrt(z * s * (n - s) / n) * Math.sign(i - n / 2);
      const low = Math.floor(k - i * s / n + sd), high = Math.floor(k + (n - i) * s / n + sd);
      select(a, k, Math.max(left, low), Math.min(right, high));
    }
    const pivot = a[k];
    let i = left, j = right;
    a[k] = a[left];
    a[left] = pivot;
    if (a[right] > pivot) {
      a[left] = a[right];
      a[right] = pivot;
    }
    while (i < j) {
      const held = a[i];
      a[i++] = a[j];
      a[j--] = held;
      while (a[i] < pivot) i++;
      while (a[j] > pivot) j--;
    }
    if (a[left] === pivot) {
      a[left] = a[j];
    } else {
      j++;
      a[right] = a[j];
    }
    a[j] = pivot;
    if (j <= k) left = j + 1;
    if (k <= j) right = j - 1;
  }
  return a[k];
}

// Quantiles of an array at rising shares; the array is rearranged. NaN where any number is NaN, as in numpy.
export function quantiles(a, shares) {
  const n = a.length, found = [];
  for (let i = 0; i < n; i++) if (a[i] !== a[i]) return shares.map(() => NaN);
  let done = 0;
  for (const share of shares) {
    const at = (n - 1) * share, k = Math.floor(at), t = at - k, low = select(a, k, Math.min(done, k), n - 1);
    done = k;
    let high = k + 1 < n ? a[k + 1] : low;
    for (let i = k + 2; i < n; i++) if (a[i] < high) high = a[i];
    found.push(t >= 0.5 ? high - (high - low) * (1 - t) : low + (high - low) * t);
  }
  return found;
}

// Places of `most` of `count` draws, evenly over all: numpy's linspace as whole numbers.
export function thinned(count, most) {
  const kept = Math.min(count, most), step = kept > 1 ? (count - 1) / (kept - 1) : 0;
  return Int32Array.from({length: kept}, (_, i) => (i === kept - 1 && kept > 1 ? count - 1 : Math.floor(i * step)));
}
