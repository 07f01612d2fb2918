// The functions that a law in JavaScript calls, for doubles, with the infinities and NaN of lawdsl's numpy operations.
//
// Methods: erf by its series and, further out, Lentz's continued fraction of erfc (Abramowitz & Stegun 7.1.6, 7.1.14);
// log gamma by the series about 2 (6.1.33) and Stirling's (6.1.41), digamma likewise (6.3.5, 6.3.18); Lambert's W by
// Halley's iteration (Corless et al. 1996, 5.9); the normal quantile by Newton's steps from a rational first guess
// (A&S 26.2.23); roots by bisection, halving as lawdsl/backends.py does. Errors are a few roundings.

const HALF_LOG_2PI = 0.9189385332046727;
const EULER = 0.5772156649015329;

// zeta(k) - 1 for k = 2, 3, ...
const ZETA = [
  0.6449340668482264, 0.2020569031595943, 0.08232323371113819, 0.03692775514336993, 0.01734306198444914,
  0.008349277381922827, 0.004077356197944339, 0.0020083928260822143, 0.0009945751278180853, 0.0004941886041194645,
  0.00024608655330804832, 0.00012271334757848915, 6.124813505870483e-5, 3.058823630702049e-5, 1.5282259408651871e-5,
  7.637197637899763e-6, 3.817293264999839e-6, 1.908212716553939e-6, 9.539620338727962e-7, 4.769329867878065e-7,
  2.384505027277329e-7, 1.1921992596531108e-7, 5.960818905125948e-8, 2.9803503514652281e-8, 1.4901554828365043e-8,
];

function pow(a, b) {
  return a === 1 || (a === -1 && !Number.isFinite(b) && b === b) ? 1 : Math.pow(a, b);
}

function softplus(a) {
  return Math.max(a, 0) + Math.log1p(Math.exp(-Math.abs(a)));
}

function sigmoid(a) {
  if (a >= 0) return 1 / (1 + Math.exp(-a));
  const e = Math.exp(a);
  return e / (1 + e);
}

// what is taken out of a sum of exponentials: its largest logarithm, if that is a number
function finite(top) {
  return Number.isFinite(top) ? top : 0;
}

function erf(a) {
  const x = Math.abs(a);
  if (!(x < 2)) return a === a ? Math.sign(a) * (1 - erfc(x)) : NaN;
  let term = a, sum = a;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= 2 * x * x / (2 * n + 1);
    sum += term;
  }
  return 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum;
}

// 1 - erf, with all its digits far out
function erfc(a) {
  if (a < 2) return a === a ? 1 - erf(a) : NaN;
  if (a > 27) return 0;
  let fraction = a;
  for (let n = 60; n > 0; n--) fraction = a + 0.5 * n / fraction;
  return Math.exp(-a * a) / (Math.sqrt(Math.PI) * fraction);
}

function loggamma(a) {
  if (!(a > 0)) return NaN;
  if (a === Infinity) return Infinity;
  if (a > 0.5 && a < 2.5) {
    const z = a < 1.5 ? a - 1 : a - 2;
    let sum = z * (1 - EULER), power = -z;
    for (let k = 2; k < 27; k++) {
      power *= -z;
      sum += ZETA[k - 2] * power / k;
    }
    return a < 1.5 ? sum - Math.log1p(z) : sum;
  }
  let shift = 1, x = a;
  while (x < 10) shift *= x++;
  const r = 1 / (x * x);
  const tail = 1 / 12 + r * (-1 / 360 + r * (1 / 1260 + r * (-1 / 1680 + r * (1 / 1188 + r * (-691 / 360360 + r / 156)))));
  return (x - 0.5) * Math.log(x) - x + HALF_LOG_2PI + tail / x - Math.log(shift);
}

function gamma(a) {
  return Math.exp(loggamma(a));
}

function digamma(a) {
  if (!(a > 0)) return NaN;
  if (a === Infinity) return Infinity;
  let below = 0, x = a;
  while (x < 10) below += 1 / x++;
  const r = 1 / (x * x);
  const tail = r * (1 / 12 - r * (1 / 120 - r * (1 / 252 - r * (1 / 240 - r * (1 / 132 - r * (691 / 32760 - r / 12))))));
  return Math.log(x) - 0.5 / x - tail - below;
}

function lambertw(a) {
  if (!(a >= -Math.exp(-1))) return NaN;
  if (a === Infinity || a === 0) return a;
  let w = a > 3 ? Math.log(a) - Math.log(Math.log(a))
    : a < 0 ? -1 + Math.sqrt(Math.max(0, 2 * (Math.E * a + 1))) : a / (1 + a);
  for (let n = 0; n < 40; n++) {
    if (w === -1) return w;
    const e = Math.exp(w), f = w * e - a;
    const step = f / (e * (w + 1) - (w + 2) * f / (2 * w + 2));
    w -= step;
    if (!(Math.abs(step) > 1e-16 * Math.abs(w))) break;
  }
  return w;
}

// The x between low and high where f changes sign, by bisection (on the log between positive ends); NaN where it has
// one sign at both.
function root(f, low, high) {
  let a = low, b = high;
  const atLow = f(a), atHigh = f(b);
  if (atLow === 0) return a;
  if (atHigh === 0) return b;
  if (!Number.isFinite(atLow) || !Number.isFinite(atHigh) || atLow < 0 === atHigh < 0) return NaN;
  const rising = atLow < 0, ratio = low > 0;
  for (let n = 0; n < 80; n++) {
    const middle = ratio ? Math.sqrt(a) * Math.sqrt(b) : (a + b) / 2;
    if (f(middle) < 0 === rising) a = middle;
    else b = middle;
  }
  return ratio ? Math.sqrt(a) * Math.sqrt(b) : (a + b) / 2;
}

// The probability below z of a standard normal, and its inverse.
function normal(z) {
  return z < 0 ? 0.5 * erfc(-z / Math.SQRT2) : 1 - 0.5 * erfc(z / Math.SQRT2);
}

function normalQuantile(u) {
  if (!(u > 0 && u < 1)) return u === 0 ? -Infinity : u === 1 ? Infinity : NaN;
  if (u > 0.5) return -normalQuantile(1 - u);
  const t = Math.sqrt(-2 * Math.log(u));
  let z = (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308))) - t;
  for (let n = 0; n < 4; n++) {
    const slope = Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI);
    const step = (normal(z) - u) / slope;
    z -= step / (1 + 0.5 * z * step);
    if (Math.abs(step) < 1e-15 * Math.abs(z)) break;
  }
  return z;
}

export const special = {
  pow, softplus, sigmoid, finite, erf, erfc, loggamma, gamma, digamma, lambertw, root, normal, normalQuantile,
};
