// The still figures: data and curves, residuals, pairs of constants, predictive checks, backtests.

const widthOf = (home) => Math.max(220, Math.min(560, home.clientWidth || 400));
const named = (held) => Object.entries(held).map(([name, value]) => `${name} = ${typeof value === "number" ? short(value) : value}`);
const unitOf = (fit, name) => fit.units[name] || "";
const inUnit = (fit, name) => (unitOf(fit, name) ? `${name}, ${unitOf(fit, name)}` : name);

/** Figures that are still to be drawn, one after the other with the page free in between; on paper all at once. */
let waiting = [];

function drawFigures() {
  const begun = waiting.length > 0;
  waiting = [...document.querySelectorAll("[data-figure]")];
  if (!begun) setTimeout(drawNext, 0);
}

function drawNext() {
  const home = waiting.shift();
  if (home) drawFigure(home);
  if (waiting.length) setTimeout(drawNext, 0);
  else document.documentElement.dataset.drawn = "true";
}

function drawFigure(home) {
  const drawers = { panels: drawPanels, residuals: drawResiduals, pairs: drawPairs, checks: drawChecks, backtests: drawBacktests };
  home.replaceChildren();
  drawers[home.dataset.figure](home, FITS[Number(home.dataset.fit)]);
}

function figure(home, caption, ...children) {
  const made = element("figure", {}, ...children, element("figcaption", {}, caption));
  home.append(made);
  return made;
}

function drawPanels(home, fit) {
  const { rows, panels } = fit.drawn;
  if (!panels.length) home.append(element("p", { class: "muted" }, "The rows of this law follow each other along runs; its curves are those of whole runs, and are not drawn here."));
  const width = home.clientWidth > 820 ? (home.clientWidth - 40) / 2 : home.clientWidth;
  for (const panel of panels) {
    const { variable, response, curves } = panel;
    const names = Object.keys(curves[0].held);
    const same = names.filter((name) => curves.every((curve) => curve.held[name] === curves[0].held[name]) && curves.length > 1);
    const told = (curve) => named(Object.fromEntries(Object.entries(curve.held).filter(([name]) => !same.includes(name)))).join(", ");
    const points = curves.flatMap((curve, i) => curve.rows.map((row) => ({ x: rows[variable][row], y: rows[response][row], i })));
    const xs = curves[0].x, [low, high] = [xs[0], xs[xs.length - 1]];
    const log = low > 0 && high / low > 5, room = log ? (high / low) ** 0.03 : (high - low) * 0.03;
    const medians = curves.flatMap((curve) => [...curve.median, ...curve.lo, ...curve.hi]);
    const ylog = spansDecades(curves.flatMap((curve) => curve.median)) && points.filter((one) => one.y <= 0).length < 0.2 * points.length;
    const [bottom, top] = extentOf([...medians.filter((v) => v !== null), ...points.map((one) => one.y)], ylog);
    const marks = [
      ...curves.flatMap((curve, i) => fanMarks(curve, SERIES[i], ylog ? bottom : -Infinity)),
      Plot.dot(points, { x: "x", y: "y", fill: (one) => SERIES[one.i], r: 2, fillOpacity: 0.75, clip: true }),
    ];
    const held = named(Object.fromEntries(same.map((name) => [name, curves[0].held[name]])));
    const where = panel.exact ? (held.length ? ` at ${held.join(", ")}` : "") : ` of the rows in ${curves.length} parts, each curve at its part's middle`;
    const caption = `${response} against ${variable}${where}; ${points.length} of ${fit.drawn.of} rows.`;
    const svg = plot(
      { width, height: Math.min(340, Math.max(260, width * 0.68)), x: axis(log ? low / room : low - room, log ? high * room : high + room, log, inUnit(fit, variable), width > 420 ? 7 : 5), y: { ...axis(bottom, top, ylog, inUnit(fit, response), 6), grid: true } },
      marks, `${caption} Curves: ${curves.map(told).join("; ")}.`,
    );
    figure(home, caption, curves.length > 1 || told(curves[0]) ? legend(curves.map((curve, i) => [SERIES[i], told(curve) || "the law"])) : null, svg);
  }
}

function drawResiduals(home, fit) {
  const { rows, codes, levels, residuals } = fit.drawn;
  for (const [response, { z, fitted }] of Object.entries(residuals)) {
    const most = Math.min(8, Math.max(3, d3.max(z, (v) => Math.abs(v ?? 0)) * 1.1));
    const panels = [[`${response}, as the law has it`, fitted, unitOf(fit, response)]];
    for (const name of fit.inputs) if (new Set(rows[name]).size > 1) panels.push([name, rows[name], unitOf(fit, name)]);
    for (const [name, code] of Object.entries(codes))
      if (levels[name].length > 1 && levels[name].length <= 40) panels.push([name, code, "", levels[name]]);
    const columns = Math.max(1, Math.min(panels.length, Math.floor((home.clientWidth + 28) / 268)));
    const width = (home.clientWidth - 28 * (columns - 1)) / columns;
    for (const [name, values, unit, words] of panels) {
      const points = z.map((v, i) => ({ x: values[i], y: v })).filter((one) => one.y !== null && one.x !== null);
      const log = !words && spansDecades(values);
      const [low, high] = d3.extent(points, (one) => one.x);
      const room = words ? 0.6 : log ? 0 : (high - low) * 0.04;
      const x = words
        ? { domain: [low - room, high + room], label: name, labelArrow: "none", ticks: words.length <= 6 ? d3.range(words.length) : [], tickFormat: (i) => (words[i] ?? "").slice(0, 9) }
        : axis(log ? low / 1.15 : low - room, log ? high * 1.15 : high + room, log, unit ? `${name}, ${unit}` : name, 4);
      const marks = [
        Plot.rect([0], { x1: x.domain[0], x2: x.domain[1], y1: -2, y2: 2, fill: "currentColor", fillOpacity: 0.045 }),
        Plot.ruleY([0], { stroke: QUIET }),
        Plot.dot(points, { x: "x", y: (one) => Math.max(-most, Math.min(most, one.y)), r: 1.8, fill: SERIES[0], fillOpacity: 0.6 }),
      ];
      const caption = words ? `against ${name} (${words.length} levels)` : `against ${name}`;
      home.append(plot({ width, height: 190, x, y: { domain: [-most, most], label: "residual", labelArrow: "none", ticks: 5 }, marginLeft: 34 }, marks, `Residuals of ${response} ${caption}; two standard deviations are shaded.`));
    }
  }
}

function drawPairs(home, fit) {
  const { names, draws, correlation, log, of } = fit.drawn.pairs;
  if (!names.length) {
    home.append(element("p", { class: "muted" }, "This fit has no draws of two constants to pair."));
    return;
  }
  const size = Math.min(172, (home.clientWidth - 4 * names.length) / names.length);
  const grid = element("div", { class: "pairs", role: "group", "aria-label": `Pairs of ${names.join(", ")}` });
  grid.style.gridTemplateColumns = `repeat(${names.length}, ${size}px)`;
  const margin = size > 90 ? { marginLeft: 32, marginBottom: 28, marginTop: 6, marginRight: 6 } : { marginLeft: 8, marginBottom: 8, marginTop: 4, marginRight: 4 };
  names.forEach((row, i) => names.forEach((column, j) => {
    if (j > i) {
      grid.append(element("div", { class: "corr" }, correlation[i][j].toFixed(2).replace("-", "−")));
      return;
    }
    const scale = (name) => {
      const [low, high] = d3.extent(draws[name]);
      return { ...axis(low, high, log.includes(name), null, 3), ticks: size > 90 ? ticksOf(low, high, log.includes(name), 2).slice(0, 3) : [] };
    };
    const x = { ...scale(column), label: null }, options = { width: size, height: size, ...margin, x };
    const label = i === j ? `Posterior of ${row}` : `${row} against ${column}, rank correlation ${correlation[i][j].toFixed(2)}`;
    const marks = i === j
      ? [Plot.rectY(draws[row], Plot.binX({ y: "count" }, { x: (v) => v, thresholds: histogramOf(draws[row], log.includes(row)), fill: SERIES[0], fillOpacity: 0.45, inset: 0.5 })),
         Plot.text([fit.letters[row] || row], { text: (v) => v, frameAnchor: "top-right", dx: -2, dy: 2, fontSize: 12, fontWeight: 600, fill: "currentColor" })]
      : [Plot.dot(draws[row], { x: (_, k) => draws[column][k], y: (v) => v, r: 1.1, fill: SERIES[0], fillOpacity: 0.45 })];
    grid.append(plot({ ...options, y: i === j ? { axis: null } : { ...scale(row), label: null } }, marks, label));
  }));
  home.append(grid, element("p", { class: "small muted" }, `${names.length} of ${of} constants: those in the strongest rank correlations${of > names.length ? "; levels of groups are left out" : ""}.`));
}

function histogramOf(values, log) {
  const [low, high] = d3.extent(values);
  return d3.range(19).map((i) => (log ? low * (high / low) ** (i / 18) : low + ((high - low) * i) / 18));
}

function drawChecks(home, fit) {
  const found = Object.entries(fit.drawn.checks);
  if (!found.length) home.append(element("p", { class: "muted" }, "A point fit makes up no rows, so there is nothing to hold against these."));
  const width = home.clientWidth > 820 ? (home.clientWidth - 40) / 2 : home.clientWidth;
  for (const [response, told] of found) {
    const observed = fit.drawn.rows[response];
    const points = observed.map((y, i) => ({ y, median: told.median[i], lo: told.lo[i], hi: told.hi[i] })).filter((one) => one.y !== null && one.median !== null);
    const log = spansDecades(points.map((one) => one.median)) && points.filter((one) => one.y <= 0).length < 0.1 * points.length;
    const values = points.flatMap((one) => [one.median, one.y]);
    const [low, high] = extentOf(values, log);
    const keep = (v) => Math.min(high, Math.max(low, v));
    figure(home, `Observed ${response} against what the fit foretells for the same row; lines hold 90 % of its replicates. ${told.coverage.map(([level, share]) => `${percent(share)} of the rows lie within ${percent(level)} intervals`).join(", ")}.`,
      plot({ width, height: Math.min(360, width * 0.8), x: axis(low, high, log, `${response} as foretold`, 6), y: axis(low, high, log, `${response} observed`, 6) }, [
        Plot.line([[low, low], [high, high]], { stroke: QUIET, strokeDasharray: "3,3" }),
        Plot.ruleY(points, { y: (one) => keep(one.y), x1: (one) => keep(one.lo), x2: (one) => keep(one.hi), stroke: SERIES[0], strokeOpacity: 0.22 }),
        Plot.dot(points, { x: "median", y: (one) => keep(one.y), r: 2, fill: SERIES[0], fillOpacity: 0.7 }),
      ], `Observed against foretold ${response}`));
    const expected = told.rows / told.ranks.length, scatter = 1.645 * Math.sqrt(expected * (1 - 1 / told.ranks.length));
    const bars = told.ranks.map((count, i) => ({ x1: i / 10, x2: (i + 1) / 10, count }));
    figure(home, "Where each row falls among its replicates. A right law fills the tenths evenly; nine of ten bars of it end in the shaded belt.",
      plot({ width, height: Math.min(360, width * 0.8), x: { domain: [0, 1], label: "share of replicates below the row", labelArrow: "none", ticks: 5 }, y: { label: "rows", labelArrow: "none", domain: [0, Math.max(d3.max(told.ranks), expected + scatter) * 1.08], ticks: 5 } }, [
        Plot.rect([0], { x1: 0, x2: 1, y1: Math.max(0, expected - scatter), y2: expected + scatter, fill: "currentColor", fillOpacity: 0.08 }),
        Plot.rect(bars, { x1: "x1", x2: "x2", y1: 0, y2: "count", fill: SERIES[0], fillOpacity: 0.5, inset: 1 }),
        Plot.ruleY([expected], { stroke: QUIET }),
      ], `Ranks of the rows among replicates: ${told.ranks.join(", ")}`));
  }
}

function drawBacktests(home, fit) {
  const found = fit.drawn.backtests;
  if (!found.length) {
    home.append(element("p", { class: "muted" }, "This fit was not backtested."));
    return;
  }
  const levels = Object.keys(found[0].plain);
  const several = new Set(found.map((one) => one.response)).size > 1;
  const widened = found.some((one) => Object.keys(one.widened).length);
  const cells = (shares) => levels.map((level) => element("td", {}, shares[level] === undefined ? "" : percent(shares[level])));
  home.append(element("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Coverage in backtests" }, element("table", { class: "numbers" },
    element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "forecasts"), element("th", { scope: "col" }, "of them"),
      ...levels.map((level) => element("th", { scope: "col" }, `in ${percent(level)}`)), ...(widened ? levels.map((level) => element("th", { scope: "col" }, `in ${percent(level)}, widened`)) : []))),
    element("tbody", {}, ...found.map((one) => element("tr", {}, element("th", { scope: "row" }, (several ? `${one.response}, ` : "") + one.place), element("td", {}, `${one.rows} of ${one.cuts} cut${one.cuts === 1 ? "" : "s"}`),
      ...cells(one.plain), ...(widened ? cells(one.widened) : [])))))));
  if (widened) home.append(element("p", { class: "small muted" }, "Beyond the rows the intervals of this page are the widened ones, which hold the law's own error as backtests found it."));
}

const percent = (share) => `${Math.round(Number(share) * 100)} %`;
