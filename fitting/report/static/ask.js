// Answers to a law's questions, for every draw: closed forms where there are such, else the searches of
// lawdsl/question.py, on the same grids and with as many halvings.

import { quantiles } from "./draws.js";

const GRID = 400;

// The unknowns and reports of `count` draws by name, a Float64Array each. `parts` are the question's programs, compiled;
// `valuesOf(name)` gives `count` numbers of a parameter or of what was given.
export function answersOf(parts, kind, count, valuesOf, prepared) {
  const found = Object.create(null);
  const columns = (program) => program.draws.map((name) => found[name] ?? valuesOf(name));
  if (parts.closed) {
    Object.assign(found, outputs(parts.closed, columns(parts.closed), count, prepared));
    for (const name of parts.closed.outputs) found[name] = found[name].map((one) => (one > 0 ? one : NaN));
  } else if (parts.objective) {
    const d = prepared(parts.objective, columns(parts.objective), count);
    const sought = search(kind, parts.free, parts.ranges, parts.objective, d, count);
    parts.free.forEach((name, j) => { found[name] = sought[j]; });
    if (parts.follows) Object.assign(found, outputs(parts.follows, columns(parts.follows), count, prepared));
  }
  return Object.assign(found, outputs(parts.report, columns(parts.report), count, prepared));
}

// The outputs of a program that has no rows, by name.
function outputs(program, columns, count, prepared) {
  const d = prepared(program, columns, count), {x, p} = program;
  const y = new Float64Array(program.outputs.length * count);
  program.row(x, p);
  program.value(p, d, 0, y, count);
  return Object.fromEntries(program.outputs.map((name, j) => [name, y.slice(j * count, (j + 1) * count)]));
}

export function summedUp(draws, level) {
  const finite = draws.filter((one) => Number.isFinite(one)), none = 1 - finite.length / draws.length;
  if (!finite.length) return {median: NaN, lo: NaN, hi: NaN, none: 1};
  const [lo, median, hi] = quantiles(finite, [(1 - level) / 2, 0.5, (1 + level) / 2]);
  return {median, lo, hi, none};
}

// The unknowns of every draw, each a Float64Array; NaN where a draw has no answer inside the range.
function search(kind, free, ranges, program, d, count) {
  const {x, p, drawn} = program, y = new Float64Array(1), [one, two] = free.map((name) => program.rows.indexOf(name));
  const ends = ranges.map(([low, high]) => [Math.log(low), Math.log(high)]);
  const sign = kind === "maximize" ? -1 : 1, found = free.map(() => new Float64Array(count));
  for (let i = 0; i < count; i++) {
    const at = (a, b) => {
      if (one >= 0) x[one] = a;
      if (two >= 0) x[two] = b;
      program.row(x, p);
      program.value(p, d, i * drawn, y, 1);
      return y[0];
    };
    const best = kind === "solve" ? [bisected((log) => at(Math.exp(log)), ...ends[0])] : zoomed(sign, at, ends);
    best.forEach((log, j) => { found[j][i] = Math.exp(log); });
  }
  return found;
}

function even(low, high, count) {
  const step = (high - low) / (count - 1);
  return Float64Array.from({length: count}, (_, i) => (i === count - 1 ? high : i * step + low));
}

// The first root on a grid, by bisection.
function bisected(f, low, high) {
  const grid = even(low, high, GRID);
  let a = grid[0], atA = Math.sign(f(a)), b = NaN;
  for (let i = 1; i < GRID; i++) {
    const here = Math.sign(f(grid[i]));
    if (atA * here <= 0) {
      b = grid[i];
      break;
    }
    a = grid[i];
    atA = here;
  }
  if (b !== b) return NaN;
  for (let n = 0; n < 60; n++) {
    const middle = (a + b) / 2;
    if (Math.sign(f(middle)) === atA) a = middle;
    else b = middle;
  }
  return (a + b) / 2;
}

// The logarithms where sign*f is least on a product grid that is made finer about its best point; NaN at the edge of the ranges.
function zoomed(sign, f, ends) {
  const one = ends.length === 1, first = one ? GRID : 41, shrink = one ? 0.1 : 0.5;
  let middles = ends.map(([low, high]) => (low + high) / 2), widths = ends.map(([low, high]) => (high - low) / 2);
  let count = first, atEdge = false;
  for (let turn = 0; turn < (one ? 14 : 40); turn++) {
    const steps = even(-1, 1, count);
    const axes = ends.map(([low, high], j) => steps.map((step) => Math.min(Math.max(middles[j] + widths[j] * step, low), high)));
    const [across, second] = axes.map((axis) => axis.map(Math.exp));
    let least = Infinity, best = axes.map((axis) => axis[0]);
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < (one ? 1 : count); j++) {
        const value = sign * f(across[i], one ? 0 : second[j]);
        if (value < least) {
          least = value;
          best = one ? [axes[0][i]] : [axes[0][i], axes[1][j]];
        }
      }
    }
    middles = best;
    if (turn === 0) {
      atEdge = !Number.isFinite(least) || best.some((at, j) => ends[j].includes(at));
      count = one ? 41 : 9;
      widths = widths.map((width) => width * 4 / first);
    } else widths = widths.map((width) => width * shrink);
  }
  return atEdge ? ends.map(() => NaN) : middles;
}
