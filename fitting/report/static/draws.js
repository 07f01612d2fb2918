// Draws and what is made of them: the random numbers that draws carry (fitting/carried.py), noise (fitting/noise.py),
// and quantiles (numpy's, linear between order statistics) by selection.

import { special } from "../../../lawdsl/special.js";

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

// (i, df) -> the residual of scale 1 that draw i carries, or null where the family has no scale
export function standard(family, delta, {u, v}) {
  const logs = u.map((one) => -2 * Math.log(one)), turns = v.map((one) => Math.cos(2 * Math.PI * one));
  if (["normal", "lognormal", "logit-normal"].includes(family)) {
    const z = logs.map((one, i) => Math.sqrt(one) * turns[i]);
    return (i) => z[i];
  }
  if (family === "laplace") {
    const z = u.map((one) => Math.sign(0.5 - one) * Math.SQRT1_2 * Math.log1p(-Math.abs(1 - 2 * one)));
    return (i) => z[i];
  }
  if (family === "student-t") {
    const z = new Float64Array(u.length), at = new Float64Array(u.length).fill(NaN);
    return (i, df) => {
      if (at[i] !== df) {
        at[i] = df;
        z[i] = Math.sqrt(df * Math.expm1(logs[i] / df)) * turns[i];
      }
      return z[i];
    };
  }
  if (family === "huber") {
    const outer = 2 * Math.exp(-0.5 * delta * delta) / delta;
    const tail = 0.5 * outer / (Math.sqrt(2 * Math.PI) * special.erf(delta / Math.SQRT2) + outer);
    const low = special.normal(-delta);
    const z = u.map((one) => {
      const near = Math.min(one, 1 - one);
      const size = near < tail ? -delta + Math.log(near / tail) / delta
        : special.normalQuantile(low + (near - tail) / (1 - 2 * tail) * (1 - 2 * low));
      return one < 0.5 ? size : -size;
    });
    return (i) => z[i];
  }
  return null;
}

// The order statistic k of a[from..to], which is rearranged so that nothing before it is larger and nothing after smaller.
function select(a, k, from, to) {
  while (from < to) {
    const x = a[from], y = a[(from + to) >> 1], z = a[to];
    const pivot = x < y ? (y < z ? y : x < z ? z : x) : x < z ? x : y < z ? z : y;
    let i = from, j = to;
    while (i <= j) {
      while (a[i] < pivot) i++;
      while (pivot < a[j]) j--;
      if (i <= j) {
        const held = a[i];
        a[i++] = a[j];
        a[j--] = held;
      }
    }
    if (k <= j) to = j;
    else if (k >= i) from = i;
    else break;
  }
  return a[k];
}

// Quantiles of an array at rising shares; the array is rearranged. NaN where any number is NaN, as in numpy.
export function quantiles(a, shares) {
  const n = a.length;
  for (let i = 0; i < n; i++) if (a[i] !== a[i]) return shares.map(() => NaN);
  let done = 0;
  return shares.map((share) => {
    const at = (n - 1) * share, k = Math.min(Math.floor(at), n - 1), t = at - k;
    const low = select(a, k, Math.min(done, k), n - 1);
    done = k;
    if (k + 1 >= n) return low;
    const high = select(a, k + 1, k + 1, n - 1), step = high - low;
    return t >= 0.5 ? high - step * (1 - t) : low + step * t;
  });
}

// Places of `most` of `count` draws, evenly over all: numpy's linspace as whole numbers.
export function thinned(count, most) {
  const kept = Math.min(count, most), step = kept > 1 ? (count - 1) / (kept - 1) : 0;
  return Int32Array.from({length: kept}, (_, i) => (i === kept - 1 && kept > 1 ? count - 1 : Math.floor(i * step)));
}
