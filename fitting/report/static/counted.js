// Noise of shares and counts by the inverse of its distribution function, as fitting/counted.py: the incomplete beta and
// gamma functions by Lentz's continued fractions (Abramowitz & Stegun 26.5.8, 6.5.31) and the series 6.5.29.

import { special } from "../../../lawdsl/special.js";

// the variance of a count beyond which its distribution is that of an expansion about the normal
const SMOOTH = 1e4;
const TINY = 1e-300;

// x^a (1 - x)^b / B(a, b)
function weight(a, b, x, rest) {
  return Math.exp(special.loggamma(a + b) - special.loggamma(a) - special.loggamma(b) + a * Math.log(x) + b * Math.log(rest));
}

// The regularized incomplete beta function; `rest` is 1 - x, given so that neither loses digits.
export function beta(a, b, x, rest = 1 - x) {
  if (!(x > 0)) return x <= 0 ? 0 : NaN;
  if (!(rest > 0)) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - beta(b, a, rest, x);
  let c = 1, d = 1 / (1 - (a + b) * x / (a + 1) || TINY), fraction = d;
  for (let n = 1; n < 10000; n++) {
    const even = n * (b - n) * x / ((a + 2 * n - 1) * (a + 2 * n));
    d = 1 / (1 + even * d || TINY);
    c = 1 + even / c || TINY;
    fraction *= d * c;
    const odd = -(a + n) * (a + b + n) * x / ((a + 2 * n) * (a + 2 * n + 1));
    d = 1 / (1 + odd * d || TINY);
    c = 1 + odd / c || TINY;
    fraction *= d * c;
    if (Math.abs(d * c - 1) < 1e-16) break;
  }
  return weight(a, b, x, rest) / a * fraction;
}

// The x at which it is u: Newton's steps on the logit inside a shrinking bracket.
export function betaQuantile(a, b, u) {
  if (!(a > 0 && b > 0)) return NaN;
  let low = -740, high = 740, t = Math.min(Math.max(Math.log(a / b), low), high);
  for (let n = 0; n < 400; n++) {
    const x = t < 0 ? Math.exp(t) / (1 + Math.exp(t)) : 1 / (1 + Math.exp(-t)), rest = 1 / (1 + Math.exp(t));
    const off = beta(a, b, x, rest) - u;
    if (off < 0) low = t;
    else high = t;
    const step = off / weight(a, b, x, rest);
    let next = t - step;
    if (!(next > low && next < high)) next = (low + high) / 2;
    const moved = Math.abs(next - t);
    t = next;
    if (moved < 1e-15 * Math.max(1, Math.abs(t))) break;
  }
  if (t <= -739.9) return 0;
  return t < 0 ? Math.exp(t) / (1 + Math.exp(t)) : 1 / (1 + Math.exp(-t));
}

// The regularized upper incomplete gamma function.
export function gammaAbove(a, x) {
  if (!(x > 0)) return x <= 0 ? 1 : NaN;
  const front = Math.exp(a * Math.log(x) - x - special.loggamma(a));
  if (x < a + 1) {
    let term = 1 / a, sum = term;
    for (let n = 1; n < 10000 && term > 1e-17 * sum; n++) {
      term *= x / (a + n);
      sum += term;
    }
    return 1 - front * sum;
  }
  let b = x + 1 - a, c = 1 / TINY, d = 1 / b, fraction = d;
  for (let n = 1; n < 10000; n++) {
    const step = n * (a - n);
    b += 2;
    d = 1 / (step * d + b || TINY);
    c = b + step / c || TINY;
    fraction *= d * c;
    if (Math.abs(d * c - 1) < 1e-16) break;
  }
  return front * fraction;
}

// halves to even, as numpy
function rint(x) {
  const near = Math.round(x);
  return near - x === 0.5 && near % 2 !== 0 ? near - 1 : near;
}

function atMost(k, mean, chance, trials) {
  if (k < 0) return 0;
  if (trials === Infinity) return gammaAbove(k + 1, mean);
  return k < trials ? beta(trials - k, k + 1, 1 - chance, chance) : 1;
}

// The least count with a probability of at least u of no more; Poisson's where trials are without end.
function count(u, mean, chance, trials) {
  const variance = mean * (1 - chance), z = special.normalQuantile(u);
  const smooth = Math.ceil(mean + Math.sqrt(variance) * z + (1 - 2 * chance) / 6 * (z * z - 1) - 0.5);
  let k = Math.min(Math.max(smooth, 0), trials);
  if (variance > SMOOTH) return k;
  for (let n = 0; n < 100; n++) {
    if (atMost(k, mean, chance, trials) < u) k++;
    else if (k > 0 && atMost(k - 1, mean, chance, trials) >= u) k--;
    else break;
  }
  return k;
}

// (i, mean) -> the share or count that draw i carries; y holds the noise's numbers, of every draw in turn
export function counted(family, outputs, u, v, y) {
  const draws = u.length;
  return (i, mean) => {
    const sure = mean === 0 || mean === 1;
    if (!(Number.isFinite(mean) && mean >= 0 && (mean <= 1 || family === "poisson")) || (sure && family === "beta"))
      return NaN;
    if (family === "poisson") return count(u[i], Math.min(mean, 1e15), 0, Infinity);
    const shape = y[outputs.concentration * draws + i];
    if (family === "beta") return betaQuantile(mean * shape, (1 - mean) * shape, u[i]);
    const trials = Math.max(1, rint(y[outputs.trials * draws + i]));
    const scatters = family === "beta-binomial" && !sure;
    const chance = scatters ? betaQuantile(mean * shape, (1 - mean) * shape, v[i]) : mean;
    return count(u[i], trials * chance, chance, trials) / trials;
  };
}
