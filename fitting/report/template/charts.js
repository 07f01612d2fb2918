// Figures by Observable Plot: what all of them share.

const SERIES = ["var(--s0)", "var(--s1)", "var(--s2)", "var(--s3)", "var(--s4)", "var(--s5)", "var(--s6)"];
const QUIET = "var(--muted)";

/** Round places on an axis, few enough to read: decades where there are several, else 1, 2, 5. */
function ticksOf(low, high, log, most = 7) {
  if (!log) return d3.ticks(low, high, most);
  const first = Math.floor(Math.log10(low)), last = Math.ceil(Math.log10(high));
  for (const leads of [[1], [1, 3], [1, 2, 5], [1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9]]) {
    const inside = [];
    for (let power = first; power <= last; power++)
      for (const lead of leads) {
        const place = Number(`${lead}e${power}`);
        if (place >= low * 0.999 && place <= high * 1.001) inside.push(place);
      }
    if (inside.length >= 3) return inside.filter((_, i) => i % Math.ceil(inside.length / most) === 0);
  }
  return d3.ticks(low, high, most);
}

/** Whether numbers are all positive and span more than a factor: a logarithmic axis then. */
function spansDecades(values, factor = 5) {
  let low = Infinity, high = -Infinity;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    if (value <= 0) return false;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return high / low > factor;
}

function axis(low, high, log, label, most) {
  return { type: log ? "log" : "linear", domain: [low, high], label, labelArrow: "none", ticks: ticksOf(low, high, log, most), tickFormat: (value) => short(value) };
}

/** A curve with its two bands; `fan` holds arrays x, median, lo, hi, new_lo, new_hi. */
function fanMarks(fan, colour, floor, { faint = false } = {}) {
  const above = (values) => Array.from(values, (v) => (v === null || Number.isNaN(v) ? NaN : Math.max(v, floor)));
  const rows = { length: fan.x.length };
  return [
    Plot.areaY(rows, { x: fan.x, y1: above(fan.new_lo), y2: above(fan.new_hi), fill: colour, fillOpacity: faint ? 0.05 : 0.11, clip: true }),
    Plot.areaY(rows, { x: fan.x, y1: above(fan.lo), y2: above(fan.hi), fill: colour, fillOpacity: faint ? 0.14 : 0.3, clip: true }),
    Plot.lineY(rows, { x: fan.x, y: above(fan.median), stroke: colour, strokeWidth: faint ? 1.25 : 1.9, clip: true }),
  ];
}

/** Where a response's axis begins and ends, so that medians, their intervals and the rows are all in. */
function extentOf(values, log) {
  let low = Infinity, high = -Infinity;
  for (const value of values) {
    if (!Number.isFinite(value) || (log && value <= 0)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (!(low <= high)) return [log ? 0.1 : 0, 1];
  if (!log) {
    const room = (high - low || Math.abs(high) || 1) * 0.06;
    return [low - room, high + room];
  }
  low = Math.max(low, high / 1e9); // a lower end that has left the page is drawn at its edge
  return [low / 1.25, high * 1.25];
}

function plot(options, marks, label) {
  const svg = Plot.plot({
    className: "plot", marginLeft: 52, marginRight: 14, marginTop: 22, marginBottom: 40, ...options, marks,
  });
  svg.querySelector("style")?.remove(); // style.css has it: one more in the page would style the whole of it anew
  for (const part of svg.querySelectorAll("[aria-label]")) part.removeAttribute("aria-label"); // Plot's: "area", "rule"
  if (label) {
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", label);
  }
  return svg;
}

function legend(entries) {
  return element("ul", { class: "legend" }, ...entries.map(([colour, text]) => element("li", {}, chip(colour), text)));
}
