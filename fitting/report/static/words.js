// Numbers and intervals as text, and texts as numbers, as the command line has them (lawdsl/numbers.py, words.py).

const SUFFIXES = {K: 3, k: 3, M: 6, B: 9, T: 12};
const NUMBER = /^([+-]?)(?:(\d+(?:_\d+)*(?:\.\d*)?|\.\d+)(?:([eE][+-]?\d{1,4})|([kKMBT]))?)$/;

// "70B" -> 7e10; null for what is no number of reasonable size
export function parse(text) {
  const match = NUMBER.exec(String(text).trim());
  if (!match) return null;
  const exponent = match[4] ? `e${SUFFIXES[match[4]]}` : match[3] || "";
  const size = Number(match[2].replaceAll("_", "") + exponent);
  if (size !== 0 && !(size >= 1e-300 && size <= 1e300)) return null;
  return match[1] === "-" ? -size : size;
}

// The shortest text that reads back as the same number, integers without a point.
export function exact(value) {
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return String(value === 0 ? 0 : value);
  let [mantissa, exponent] = value.toExponential().split("e");
  const power = Number(exponent);
  if (power >= -4 && power < 16) return String(value);
  return `${mantissa}e${power}`;
}

// A factor's level as the text that names it: 4.0 is "4"
export function levelText(value) {
  if (typeof value === "number") return exact(value);
  return String(value).trim().replace(/^(-?\d+)\.0*$/, "$1");
}

// The digits of a positive number rounded to `count` of them, halves to even as Python does, and its exponent.
function rounded(size, count) {
  const [plain, power] = size.toExponential(100).split("e");
  const all = plain.replace(".", "");
  let exponent = Number(power);
  if (count < 0) return ["", exponent];
  const rest = all.slice(count);
  const half = "5".padEnd(rest.length, "0");
  const up = rest > half || (rest === half && Number(all[count - 1] || "0") % 2 === 1);
  let digits = count === 0 ? "" : all.slice(0, count);
  if (up) {
    const more = (BigInt(digits || "0") + 1n).toString().padStart(count, "0");
    if (more.length > count) exponent++;
    digits = more.slice(0, Math.max(count, more.length > count && count === 0 ? 1 : count));
  }
  return [digits, exponent];
}

function sign(value) {
  return value < 0 || Object.is(value, -0) ? "-" : "";
}

// Python's f"{value:.{decimals}f}"
export function fixed(value, decimals) {
  const size = Math.abs(value);
  if (size === 0) return sign(value) + (0).toFixed(decimals);
  const exponent = Number(size.toExponential(100).split("e")[1]);
  const count = exponent + 1 + decimals;
  const [digits, now] = rounded(size, count);
  if (count < 0 || digits === "") return sign(value) + (0).toFixed(decimals);
  const whole = now + 1 > 0 ? digits.padEnd(now + 1 + decimals, "0") : "0".repeat(-now) + digits;
  const padded = whole.padEnd((now >= 0 ? now + 1 : 1) + decimals, "0");
  const cut = padded.length - decimals;
  return sign(value) + (decimals ? `${padded.slice(0, cut) || "0"}.${padded.slice(cut)}` : padded);
}

// Python's f"{value:.{digits}g}"
function general(value, digits) {
  if (value === 0) return sign(value) + "0";
  const [found, exponent] = rounded(Math.abs(value), digits);
  if (exponent < -4 || exponent >= digits) {
    const tail = found.slice(1).replace(/0+$/, "");
    const power = String(Math.abs(exponent)).padStart(2, "0");
    return `${sign(value)}${found[0]}${tail ? "." + tail : ""}e${exponent < 0 ? "-" : "+"}${power}`;
  }
  const text = fixed(value, Math.max(0, digits - 1 - exponent));
  return text.includes(".") ? text.replace(/0+$/, "").replace(/\.$/, "") : text;
}

// A number for reading: 70B, 0.3478, 5.76e23
export function short(value, digits = 4) {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value < 0 ? "-inf" : "inf";
  if (value === 0) return sign(value) + "0";
  const size = Math.abs(value);
  for (const [suffix, scale] of [["T", 1e12], ["B", 1e9], ["M", 1e6]]) {
    if (scale * 0.99995 <= size && size < 9.9995e15) {
      return general(value / scale, Math.max(digits, fixed(size / scale, 0).length)) + suffix;
    }
  }
  if (size >= 1e-3 && size < 1e6) {
    const text = fixed(value, Math.max(0, digits - 1 - Math.floor(Math.log10(size))));
    return text.includes(".") ? text.replace(/0+$/, "").replace(/\.$/, "") : text;
  }
  const [found, exponent] = rounded(size, digits);
  const tail = found.slice(1).replace(/0+$/, "");
  return `${sign(value)}${found[0]}${tail ? "." + tail : ""}e${exponent}`;
}

const APART = 20;

// How the numbers of an interval are written: both ends, and the middle, in one notation, with the digits that its
// width allows
function writer(lo, hi) {
  const width = Math.abs(hi - lo), size = Math.max(Math.abs(lo), Math.abs(hi));
  if (!Number.isFinite(lo) || !Number.isFinite(hi) || width === 0 || width < 1e-12 * size) return (value) => short(value);
  const plain = (value) => !Number.isFinite(value) || value === 0;
  if (lo * hi > 0 && Math.max(lo / hi, hi / lo) > APART) {
    return (value) => {
      if (plain(value)) return short(value, 3);
      const [digits, exponent] = rounded(Math.abs(value), 3);
      return short(Number(`${sign(value)}${digits[0]}.${digits.slice(1)}e${exponent}`), 3);
    };
  }
  const decimals = Math.ceil(Math.log10(20 / width));
  if (size >= 1e-3 && size < 1e6) {
    return (value) => {
      if (!Number.isFinite(value)) return short(value);
      const text = fixed(value, Math.max(0, decimals));
      return /^-[0.]*$/.test(text) ? text.slice(1) : text;
    };
  }
  return (value) => {
    if (plain(value)) return short(value);
    const count = Math.max(1, Math.floor(Math.log10(Math.abs(value))) + 1 + decimals);
    if (size >= 1e6) return short(value, count);
    const [digits, exponent] = rounded(Math.abs(value), count);
    return `${sign(value)}${digits[0]}${count > 1 ? "." + digits.slice(1) : ""}e${exponent}`;
  };
}

// `[1.78, 1.83]`, both ends with as many digits as the width allows
export function interval(lo, hi) {
  const written = writer(lo, hi);
  return `[${written(lo)}, ${written(hi)}]`;
}

// A median with the digits of its interval
export function middle(value, lo, hi) {
  return writer(lo, hi)(value);
}

// `1.807 ± 0.017`
export function plusMinus(value, error) {
  if (!Number.isFinite(value) || !Number.isFinite(error) || error <= 0) return short(value);
  const power = Math.floor(Math.log10(error)), decimals = 1 - power;
  if (decimals >= -3 && decimals <= 7 && Math.abs(value) < 1e7) {
    const shown = Math.max(0, decimals);
    return `${fixed(value, shown)} ± ${fixed(error, shown)}`;
  }
  const digits = Math.max(2, 2 + Math.floor(Math.log10(Math.max(Math.abs(value), error))) - power);
  return `${short(value, Math.min(digits, 8))} ± ${short(error, 2)}`;
}

// A point in words: N=70B, D=100T
export function describe(at) {
  return Object.entries(at).map(([name, value]) => `${name}=${typeof value === "number" ? short(value) : value}`).join(", ");
}
