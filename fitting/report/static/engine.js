// The explorer's engine: what `lawdsl predict` and `lawdsl ask` answer, from a page's payload (fitting/report/payload.py).
//
//   const engine = open(JSON.parse(text of the payload))
//
//   engine.predict(at, {level = 0.9, response})
//       at: {N: "70B", D: 1e14, P: 4, quantizer: "gptq"}; numbers, or texts as `parse` reads them, and levels of factors
//       (a factor left out, "" or null: a typical level for the law, a new one for a new observation).
//       -> {reason, at, response, unit, mean, median, lo, hi, new_lo, new_hi, level, beyond: {N: 3.1, ...},
//           distance: "3.1 decades above the data in N", widened: bool, found: "one decade out, 90 % ..." or ""}
//       Where there is no answer `reason` says why, in words, and there are no numbers; else it is "".
//       Uses every draw that travels. A law of runs (payload.sequence) has no points of its own, and says so.
//   engine.curve(variable, grid, at, {level = 0.9, response, draws = 1000})
//       -> {reason, grid, median, lo, hi, new_lo, new_hi}: Float64Arrays along `grid` (numbers of `variable`)
//   engine.ask(question, given, {level = 0.9, draws = 2000})
//       -> {reason, question, given, answers: [{name, unit, median, lo, hi, none, widened}], level, notes: [text, ...]}
//       none: the share of the draws without an answer; widened: whether the law's own error is in it
//   engine.grid(variable, count, [low, high])  -> Float64Array over the variable's slider range, even on its scale
//   engine.payload, engine.responses, engine.variables, engine.factors, engine.questions: as the payload has them
//
// Beside it: parse, short, interval, plusMinus, describe (words.js): numbers as the command line reads and writes them.

import { special } from "../../../lawdsl/special.js";
import { describe, fixed, levelText, parse, short } from "./words.js";
import { moved, normals, observer, pairs, quantiles, thinned } from "./draws.js";
import { answersOf, summedUp } from "./ask.js";
import { beyondRows } from "./astray.js";

const FORMAT = "lawdsl explorer 1";
// beyond this many decades outside the rows a prediction is called an extrapolation
const NEAR = 0.05;

// A program's functions; its text is made of operations and numbers alone (lawdsl/javascript.py). In a page that may
// not make code from text it stands in a script of its own, `lawdslPrograms`, and `code` is its place there.
export function compiled({code, rows, draws, outputs}) {
  const made = typeof code === "number" ? lawdslPrograms[code] : new Function(`return ${code}`)();
  const functions = made(special);
  return {...functions, rows, draws, outputs, x: new Float64Array(rows.length), a: new Float64Array(draws.length),
    p: new Float64Array(functions.prepared)};
}

// Prepared draws of a program: `columns` holds an array of `count` numbers for each name in `program.draws`.
export function drawn(program, columns, count) {
  const d = new Float64Array(program.drawn * count), {a} = program;
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < a.length; j++) a[j] = columns[j][i];
    program.draw(a, d, i * program.drawn);
  }
  return d;
}

function decoded({base64, type, count}) {
  const text = atob(base64), bytes = Uint8Array.from(text, (one) => one.charCodeAt(0));
  const view = new DataView(bytes.buffer), wide = type === "f8", size = wide ? 8 : 4;
  return Array.from({length: bytes.length / size / count}, (_, column) =>
    Float64Array.from({length: count}, (_, i) => {
      const place = (column * count + i) * size;
      return wide ? view.getFloat64(place, true) : view.getFloat32(place, true);
    }));
}

// A number of the unconstrained scale as a value of the support, and back (fitting/priors.py).
function constrain(u, [low, high]) {
  if (low !== null && high !== null) return low + (high - low) / (1 + Math.exp(-u));
  if (low !== null) return low + Math.exp(u);
  return high !== null ? high - Math.exp(-u) : u;
}

function unconstrain(value, [low, high]) {
  if (low !== null && high !== null) return Math.log((value - low) / (high - value));
  if (low !== null) return Math.log(value - low);
  return high !== null ? -Math.log(high - value) : value;
}

export function open(payload) {
  if (payload.format !== FORMAT) throw new Error(`this page's data are of format ${payload.format}, and ${FORMAT} is read`);
  const all = decoded(payload.draws), total = payload.draws.count;
  const variable = Object.fromEntries(payload.variables.map((one) => [one.name, one]));
  const factor = Object.fromEntries(payload.factors.map((one) => [one.name, one]));
  const parameter = Object.fromEntries(payload.parameters.map((one) => [one.name, one]));
  const program = compiled(payload.program);
  const reliability = payload.reliability;
  const frontier = reliability && compiled(reliability.program), frontierAt = new Float64Array(1);
  const remembered = new Map();

  function once(key, make) {
    if (!remembered.has(key)) {
      if (remembered.size > 200) remembered.clear();
      remembered.set(key, make());
    }
    return remembered.get(key);
  }

  const places = (most) => once(`places ${most}`, () => thinned(total, most));

  function column(number, chosen) {
    if (chosen.length === total) return all[number];
    return once(`column ${number} ${chosen.length}`, () => Float64Array.from(chosen, (i) => all[number][i]));
  }

  // What was given, as numbers and levels; reasons why it cannot be. `names` must be there, the `others` may.
  function read(at, names, others = []) {
    const point = Object.create(null), reasons = [];  // a law may have variables called constructor or __proto__
    for (const [name, raw] of Object.entries(at)) {
      if (Object.hasOwn(factor, name)) {
        if (raw !== null && raw !== undefined && raw !== "") point[name] = levelText(raw);
      } else if (!names.includes(name) && !others.includes(name)) {
        reasons.push(`'${name}' is not asked for here`);
      } else {
        const value = typeof raw === "number" ? raw : parse(raw);
        const domain = Object.hasOwn(variable, name) ? variable[name].domain : "real";
        if (value === null || !Number.isFinite(value)) reasons.push(`${name}=${String(raw).slice(0, 40)} is not a number`);
        else if (domain === "positive" && value <= 0) reasons.push(`${name} is positive`);
        else if (domain === "unit" && !(value >= 0 && value <= 1)) reasons.push(`${name} is between 0 and 1`);
        else point[name] = value;
      }
    }
    for (const name of names) if (!Object.hasOwn(at, name)) reasons.push(`no number for ${name}`);
    return {point, reasons};
  }

  // Draws of a parameter at a point: as fitting.predictions.parameter_values. Throws a reason.
  function values(name, point, typical, chosen) {
    const one = parameter[name];
    if (!one.by.length) return column(one.column, chosen);
    const named = one.by.map((by) => point[by]);
    const label = named.includes(undefined) ? null : named.join(",");
    const known = one.labels.indexOf(label);
    if (known >= 0) return column(one.column + known, chosen);
    if (one.pool === "partial" && one.spread !== null) return ofPopulation(one, label, typical, chosen);
    if (one.center !== null) return new Float64Array(chosen.length).fill(one.center);
    const factors = one.by.join(", ");
    throw new Reason(`${name} has a value per ${factors}, and ` +
      (label === null ? `no ${factors} is named` : `${factors} = ${label} was not in the data`));
  }

  function ofPopulation(one, label, typical, chosen) {
    return once(`level ${one.name}[${label}] ${typical && label === null} ${chosen.length}`, () => {
      const spread = column(one.spread, chosen), centers = one.centers === null ? null : column(one.centers, chosen);
      const fixed = one.center === null ? 0 : unconstrain(one.center, one.support);
      const offset = typical && label === null ? null
        : normals(payload.seed, `level ${one.name}[${label ?? "None"}]`, chosen.length);
      return spread.map((sd, i) => {
        const center = centers === null ? fixed : unconstrain(centers[i], one.support);
        return constrain(offset === null ? center : center + sd * offset[i], one.support);
      });
    });
  }

  // Prepared draws of the law's program at a point's levels.
  function prepared(point, typical, chosen) {
    const levels = payload.factors.map(({name}) => point[name] ?? null);
    return once(`prepared ${typical} ${chosen.length} ${JSON.stringify(levels)}`, () =>
      drawn(program, program.draws.map((name) => values(name, point, typical, chosen)), chosen.length));
  }

  // How far a point lies beyond the rows, by whatever lies farthest (fitting.frontier.reach), for one of many.
  function reach(point) {
    frontier.rows.forEach((name, j) => { frontier.x[j] = point[name]; });
    frontier.row(frontier.x, frontier.p);
    frontier.value(frontier.p, frontier.a, 0, frontierAt, 1);
    const at = Math.log10(frontierAt[0]);
    if (!Number.isFinite(at)) throw new Reason(`${reliability.frontier} is no positive number there`);
    let far = Math.max(0, at - reliability.edge);
    for (const [name, [low, high]] of Object.entries(reliability.ranges)) {
      const value = Math.log10(point[name]), outside = Math.max(value - high, low - value);
      if (Number.isFinite(outside)) far = Math.max(far, outside);
    }
    return far;
  }

  // The law's own error of every draw one unit of growth away, where backtests widen intervals; else null.
  function errors(response, count) {
    const told = reliability && reliability.discrepancy[response];
    if (!told || !told.widen) return null;
    return once(`errors ${response} ${count}`, () => {
      const share = normals(payload.seed, "share of the law's error", count);
      const size = normals(payload.seed, "the law's error", count);
      return size.map((one, i) => Math.exp(told.log_share + told.log_share_sd * share[i]) * told.unit * one);
    });
  }

  const growth = (far) => far + Math.min(far, reliability.at_once);

  // Calls `use(j, means, observations, widened)` for every point in turn; the arrays, of a number a draw, are reused.
  function evaluate(points, response, chosen, use) {
    const count = chosen.length, {x, p} = program, {name, on, residuals} = response;
    const y = new Float64Array(program.outputs.length * count);
    const typical = prepared(points[0], true, chosen);
    const fresh = levelsOpen(points[0]) ? prepared(points[0], false, chosen) : null;
    const carried = once(`pairs ${name} ${count}`, () => pairs(payload.seed, `observation ${name}`, count));
    const observe = observer(response, carried, y), mean = response.outputs.mean * count;
    const every = residuals !== null && count === 1;  // a point fit of one draw: all its residuals are its scatter
    const off = errors(name, count);
    const means = new Float64Array(count), observed = new Float64Array(every ? residuals.length : count);
    for (let j = 0; j < points.length; j++) {
      const point = points[j], far = off === null ? 0 : growth(reach(point));
      for (let n = 0; n < x.length; n++) x[n] = program.rows[n] === payload.first ? 1 : point[program.rows[n]];
      program.row(x, p);
      program.value(p, typical, 0, y, count);
      means.set(y.subarray(mean, mean + count));
      if (fresh !== null) program.value(p, fresh, 0, y, count);
      if (every) for (let r = 0; r < observed.length; r++) observed[r] = moved(on, y[mean], residuals[r]);
      else for (let i = 0; i < count; i++) observed[i] = observe(i, y[mean + i]);
      if (far > 0) {
        for (let i = 0; i < count; i++) means[i] = moved(on, means[i], off[i] * far);
        for (let i = 0; i < observed.length; i++) observed[i] = moved(on, observed[i], off[i % count] * far);
      }
      use(j, means, observed, far > 0);
    }
  }

  // Whether some parameter of a population is at a level that was not named: new in an observation, typical in the law.
  function levelsOpen(point) {
    return payload.parameters.some((one) => one.by.some((by) => point[by] === undefined));
  }

  function responseOf(name) {
    const found = name === undefined ? payload.responses[0] : payload.responses.find((one) => one.name === name);
    if (!found) throw new Reason(`${payload.law.name} has no response '${name}'`);
    return found;
  }

  function decades(point) {
    const found = Object.create(null);
    for (const {name, rows} of payload.variables) {
      if (!rows || !(point[name] > 0) || !(rows[0] > 0)) continue;
      found[name] = Math.max(0, Math.log10(point[name] / rows[1])) + Math.min(0, Math.log10(point[name] / rows[0]));
    }
    return found;
  }

  function distance(beyond) {
    return Object.entries(beyond).filter(([, one]) => Math.abs(one) > NEAR).map(([name, one]) =>
      `${fixed(Math.abs(one), 1)} decades ${one > 0 ? "above" : "below"} the data in ${name}`).join(", ");
  }

  // fitting.reliability.Reliability.words
  function calibration(response, far, level) {
    const reached = reliability.found.filter((one) => one.response === response);
    if (!reached.length) return "";
    const told = reliability.discrepancy[response], widens = Boolean(told && told.widen);
    const nearest = (shares) => Object.keys(shares).map(Number).sort((a, b) => a - b)
      .reduce((best, one) => (Math.abs(one - level) < Math.abs(best - level) ? one : best));
    const percent = (one) => fixed(one * 100, 0);
    const words = (one) => {
      const shares = widens ? one.widened : one.plain, at = nearest(shares);
      return `${one.place}, ${percent(at)} % intervals covered ${percent(shares[String(at)])} % of ${one.rows} forecasts`;
    };
    const one = reached.find(({decades: [low, high]}) => low <= far && (high === null || far < high) && far > 0);
    if (one) {
      const plain = widens ? ` (plain ones, without the law's own error, ${percent(one.plain[String(nearest(one.plain))])} %)` : "";
      return words(one) + plain;
    }
    const last = reached.reduce((best, other) => (other.decades[0] > best.decades[0] ? other : best));
    return `no backtest on these rows went ${fixed(far, 1)} decades out; ${words(last)}`;
  }

  const tails = (level) => [(1 - level) / 2, 0.5, (1 + level) / 2];

  function predict(at, {level = 0.9, response: name} = {}) {
    return answered(() => {
      const response = responseOf(name), point = checked(at, level);
      const beyond = decades(point), result = {at: point, response: response.name, unit: response.unit, level, beyond};
      evaluate([point], response, places(total), (_, means, observed, widened) => {
        let sum = 0;
        for (const one of means) sum += one;
        result.mean = sum / means.length;
        [result.lo, result.median, result.hi] = quantiles(means, tails(level));
        [result.new_lo, , result.new_hi] = quantiles(observed, tails(level));
        result.widened = widened;
      });
      const far = reliability ? reach(point) : 0;
      return {...result, distance: distance(beyond), found: far > NEAR ? calibration(response.name, far, level) : ""};
    });
  }

  function curve(varied, grid, at, {level = 0.9, response: name, draws = 1000} = {}) {
    return answered(() => {
      const response = responseOf(name), point = checked({...at, [varied]: grid[0]}, level);
      const found = {};
      for (const key of ["median", "lo", "hi", "new_lo", "new_hi"]) found[key] = new Float64Array(grid.length);
      const points = Array.from(grid, (value) => Object.assign(Object.create(null), point, {[varied]: value}));
      const ends = [tails(level)[0], tails(level)[2]];
      evaluate(points, response, places(draws), (j, means, observed) => {
        [found.lo[j], found.median[j], found.hi[j]] = quantiles(means, tails(level));
        [found.new_lo[j], found.new_hi[j]] = quantiles(observed, ends);
      });
      return {grid, ...found};
    });
  }

  function checked(at, level) {
    if (payload.sequence) {
      throw new Reason(`${payload.law.name} is a law of runs over their ${payload.sequence.by}, whose points do not stand ` +
        "alone: lawdsl predict takes the rows of whole runs");
    }
    if (!(level > 0 && level < 1)) throw new Reason("the level lies between 0 and 1");
    const {point, reasons} = read(at, payload.inputs);
    if (reasons.length) throw new Reason(reasons.join("; "));
    return point;
  }

  // A question with its programs as functions.
  function programs(told) {
    return once(`question ${told.name}`, () => {
      const names = ["report", "closed", "objective", "follows"];
      const made = (parts) => parts && {...parts, ...Object.fromEntries(names.map((n) => [n, parts[n] && compiled(parts[n])]))};
      return {...made(told), moved: made(told.moved)};
    });
  }

  // A question's answers with the law's own error (fitting.astray); null where their distance cannot be told.
  function withError(told, parts, point, alone, chosen, valuesOf) {
    const responses = payload.responses.filter(({name}) => told.through.includes(name));
    const wide = responses.filter(({name}) => errors(name, total) !== null);
    const sizes = Object.create(null), on = Object.create(null);
    for (const {name, on: scale} of wide) {
      const every = errors(name, total);
      sizes[name] = Float64Array.from(chosen, (i) => every[i]);
      on[name] = scale;
    }
    const known = payload.inputs.filter((name) => Object.hasOwn(point, name) || name in alone);
    if (!frontier.rows.every((name) => known.includes(name))) return null;
    const distance = (found, rows) => {
      const far = new Float64Array(rows.length).fill(NaN), at = Object.create(null);
      for (let n = 0; n < rows.length; n++) {
        for (const name of known) at[name] = name in found ? found[name][n] : point[name];
        if (!known.every((name) => Number.isFinite(at[name]))) continue;
        try {
          far[n] = reach(at);
        } catch (problem) {
          if (problem instanceof Reason) return null;
          throw problem;
        }
      }
      return far;
    };
    const again = (off, rows) => answersOf(parts, told.kind, rows.length, (name) => {
      const [, response] = /^error of (.*)$/.exec(name) ?? [];
      if (response !== undefined && response in off) return off[response];
      const every = valuesOf(name);
      return Float64Array.from(rows, (i) => every[i]);
    }, drawn);
    return beyondRows({alone, sizes, distance, again, growth, best: told.best, on});
  }

  // What is to be said beside answers beyond the rows, as fitting.answers has it.
  function notes(told, point, answers, off, level) {
    if (!reliability) {
      const medians = Object.fromEntries(answers.map(({name, median}) => [name, median]));
      const far = Object.values(decades({...point, ...medians})).some((one) => Math.abs(one) > NEAR);
      return told.through.length && far && payload.responses[0].residuals === null
        ? ["not backtested: lawdsl backtest FIT tells how forecasts so far beyond these rows fare"] : [];
    }
    if (!off) {
      const wide = payload.responses.some(({name}) => errors(name, total) !== null);
      if (!wide || !(told.over.length || told.takes)) return [];
      const why = told.through.length ? `nothing says how far it lies along ${reliability.frontier}`
        : `the question does not go through ${payload.responses.map(({name}) => name).join(" or ")}`;
      return [`by the law alone, whose own error is not in it: ${why}`];
    }
    const found = [], known = off.distance.filter(Number.isFinite), far = known.length ? quantiles(known, [0.5])[0] : 0;
    if (far > NEAR) {
      for (const name of told.through) {
        const fared = calibration(name, far, level);
        if (fared) found.push(`calibration: ${fared}`);
      }
    }
    if (answers.some(({widened}) => widened)) {
      found.push(payload.words.widened);
      const left = answers.filter(({widened}) => !widened).map(({name}) => name);
      if (left.length) {
        found.push(`${left.join(", ")}: by the law alone. Backtests tell how far the law goes astray along ` +
          `${reliability.frontier}, which is the same for all that the question weighs, and not what is best there.`);
      }
    }
    return found;
  }

  function ask(question, given = {}, {level = 0.9, draws = 2000} = {}) {
    return answered(() => {
      const told = payload.questions.find((one) => one.name === question);
      if (!told) throw new Reason(`${payload.law.name} has no question '${question}'`);
      if (told.reason) throw new Reason(told.reason);
      if (!(level > 0 && level < 1)) throw new Reason("the level lies between 0 and 1");
      const {point, reasons} = read(given, told.given, payload.inputs);
      if (reasons.length) throw new Reason(reasons.join("; "));
      const chosen = places(Math.min(draws, 2000)), count = chosen.length;
      const valuesOf = (name) => {
        if (name === payload.first) return new Float64Array(count).fill(1);
        if (Object.hasOwn(parameter, name)) return values(name, point, true, chosen);
        if (Object.hasOwn(point, name)) return new Float64Array(count).fill(point[name]);
        throw new Reason(`no number for ${name}`);
      };
      const parts = programs(told), alone = answersOf(parts, told.kind, count, valuesOf, drawn);
      const off = reliability && parts.moved && withError(told, parts.moved, point, alone, chosen, valuesOf);
      const answers = told.answers.map(({name, unit}) => {
        const found = off ? off.found[name] : alone[name];
        const widened = found.some((one, i) => one !== alone[name][i] && (one === one || alone[name][i] === alone[name][i]));
        return {name, unit, ...summedUp(found, level), widened};
      });
      return {question, given: point, level, answers, notes: notes(told, point, answers, off, level)};
    });
  }

  function grid(name, count = 200, range = variable[name].slider) {
    const log = variable[name].scale === "log", [low, high] = log ? range.map(Math.log) : range;
    return Float64Array.from({length: count}, (_, i) => {
      if (i === 0 || i === count - 1) return range[i === 0 ? 0 : 1];
      const value = low + (high - low) * i / (count - 1);
      return log ? Math.exp(value) : value;
    });
  }

  const {variables, factors, responses, questions} = payload;
  return {payload, variables, factors, responses, questions, predict, curve, ask, grid, describe, short};
}

// Why something has no answer, in words for the reader.
export class Reason extends Error {}

function answered(make) {
  try {
    return {reason: "", ...make()};
  } catch (problem) {
    if (problem instanceof Reason) return {reason: problem.message};
    throw problem;
  }
}
