// The explorer: controls, the answer, the curve beneath, scenarios side by side.

const MOST_PINS = 6, POINTS = 200, NEAR = 0.05, SHOWN_ROWS = 600;
/** Pixels that "beyond the data" and the margins of a plot take. */
const WORDS_WIDE = 150;
const sliderOf = (name) => SLIDERS.find((one) => one.name === name);
const pointOf = (fit, at) => Object.fromEntries(Object.entries(at).filter(([name]) => fit.inputs.includes(name) || fit.factors.includes(name)));
const answering = () => FITS.filter((fit) => fit.engine && fit.responses.includes(state.response));
const saidNumber = (value) => (typeof value === "number" ? short(value) : value);

function describe(at) {
  return [...SLIDERS, ...CHOICES].filter((one) => at[one.name] !== undefined).map((one) => `${one.name}\u00a0=\u00a0${saidNumber(at[one.name])}`).join(", ");
}

/** How far a value lies beyond the rows: decades, negative below, 0 among them. */
function decades(slider, value) {
  if (!(value > 0 && slider.first > 0)) return 0;
  return Math.max(0, Math.log10(value / slider.last)) + Math.min(0, Math.log10(value / slider.first));
}

/** Answers given before, by all that they depend on. */
const answers = new Map();

/** The fit's answer at a point; where it has none, `reason` says why. */
function predicted(fit, at) {
  const point = pointOf(fit, at), key = JSON.stringify([FITS.indexOf(fit), point, state.level, state.response]);
  if (!answers.has(key)) {
    if (answers.size > 100) answers.clear();
    answers.set(key, fit.engine.predict(point, { level: state.level, response: state.response }));
  }
  return answers.get(key);
}

// ---- controls

const redraw = onceAFrame(() => draw());

function bindControls() {
  for (const slider of SLIDERS) {
    const field = byId(`field-${slider.name}`), slide = byId(`slide-${slider.name}`);
    const onTrack = (value) => ((slider.log ? Math.log10(value) : value) - slider.low) / (slider.high - slider.low);
    for (const [name, value] of [["--from", slider.first], ["--to", slider.last]])
      slide.style.setProperty(name, `${(100 * Math.min(1, Math.max(0, onTrack(value)))).toFixed(1)}%`);
    slide.addEventListener("input", () => {
      const place = Number(slide.value);
      set(slider, slider.log ? Number((10 ** place).toPrecision(2)) : Number(place.toPrecision(12)), slide);
    });
    field.addEventListener("change", () => {
      const value = readNumber(slider, field.value);
      field.setAttribute("aria-invalid", String(value === null));
      if (value === null) hint(slider, `Numbers are written 0.5, 1e24, 7B or 100T${slider.domain === "positive" ? ", and are positive" : slider.domain === "unit" ? ", between 0 and 1" : ""}.`, true);
      else set(slider, value, field);
    });
    field.addEventListener("keydown", (event) => {
      const step = { ArrowUp: 1, ArrowDown: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      slide[step > 0 ? "stepUp" : "stepDown"]();
      slide.dispatchEvent(new Event("input"));
    });
  }
  for (const select of document.querySelectorAll("[data-factor]"))
    select.addEventListener("change", () => {
      if (select.value === "" && select.selectedOptions[0].dataset.level === undefined) delete state.at[select.dataset.factor];
      else state.at[select.dataset.factor] = select.value;
      redraw();
    });
  for (const id of ["against", "level", "response"])
    byId(id)?.addEventListener("change", (event) => {
      state[id] = id === "level" ? Number(event.target.value) : event.target.value;
      askAll();
      redraw();
    });
  byId("controls").addEventListener("submit", (event) => event.preventDefault());
  byId("pin").addEventListener("click", () => {
    if (state.pins.length >= MOST_PINS) return speak(`There is room for ${MOST_PINS} scenarios; remove one first.`);
    state.pins.push({ ...state.at });
    redraw();
  });
  byId("copy-link").addEventListener("click", (event) => copyText(linkOf(state), event.target));
}

/** A variable's new value, from its slider or its field. */
function set(slider, value, from) {
  state.at[slider.name] = value;
  showControl(slider, from);
  redraw();
}

function showControl(slider, from = null) {
  const value = state.at[slider.name], field = byId(`field-${slider.name}`), slide = byId(`slide-${slider.name}`);
  field.value = short(value, 6);
  field.setAttribute("aria-invalid", "false");
  if (from !== slide) slide.value = String(slider.log ? Math.log10(value) : value);
  const far = decades(slider, value);
  const said = Math.abs(far) > NEAR ? `${Math.abs(far).toFixed(1)} decades ${far > 0 ? "above" : "below"} the rows` : value >= slider.first && value <= slider.last ? "among the rows" : "beyond the rows";
  slide.setAttribute("aria-valuetext", `${short(value)} ${slider.unit}, ${said}`);
  hint(slider, `${slider.unit}; ${said}`);
}

function hint(slider, text, wrong = false) {
  const home = byId(`hint-${slider.name}`);
  home.textContent = text;
  home.classList.toggle("wrong", wrong);
}

function showControls() {
  SLIDERS.forEach((slider) => showControl(slider));
  for (const select of document.querySelectorAll("[data-factor]")) {
    const level = state.at[select.dataset.factor];
    const chosen = [...select.options].find((one) => (level === undefined ? one.dataset.level === undefined : one.dataset.level && one.value === level));
    if (chosen) chosen.selected = true;
  }
  byId("against").value = state.against;
  byId("level").value = String(state.level);
  if (byId("response")) byId("response").value = state.response;
}

// ---- the answer

function cell(kind, part, number, ...what) {
  return element("div", { class: part }, element("span", { class: kind, "data-part": part }, number), element("span", { class: "what" }, ...what));
}

function drawAnswer(found, without) {
  const percentage = percent(state.level);
  const home = byId("answer");
  const parts = [element("p", { class: "asked" }, `${state.response}${FITS[0].units[state.response] ? ` in ${FITS[0].units[state.response]}` : ""} at ${describe(state.at)}`)];
  for (const [fit, one] of found) {
    parts.push(element("div", { class: "told", "data-fit": fit.label || "" },
      cell("value", "median", middle(one.median, one.lo, one.hi), ...(fit.label ? [chip(fit.colour), `${fit.label}, `] : []), "median"),
      cell("interval", "mean", interval(one.lo, one.hi), `${percentage} of the mean`),
      cell("interval", "new", interval(one.new_lo, one.new_hi), `${percentage} of a new observation`)));
  }
  const same = new Set(found.map(([, one]) => one.distance)).size === 1;
  const far = (same ? found.slice(0, 1) : found).filter(([, one]) => one.distance).map(([fit, one]) => (same ? "" : `${fit.label}: `) + one.distance);
  const notes = [];
  const farthest = Math.max(0, ...found.flatMap(([, one]) => Object.values(one.beyond).map(Math.abs)));
  for (const text of far) parts.push(element("p", { class: "far" }, `${text}.`));
  if (!far.length && found.length) parts.push(element("p", { class: "far" }, "Among the rows."));
  for (const [fit, one] of found) if (one.found) notes.push(["", `${fit.label ? `${fit.label}: ` : ""}${one.found}.`]);
  if (found.some(([, one]) => one.widened)) notes.push(["", WORDS.widened]);
  else if (farthest > 1) notes.push(["", WORDS.far]);
  if (FITS[0].units[state.response] === "nats/token" && found.some(([, one]) => one.median > WORDS.guess)) notes.push(["warn", WORDS.noLoss]);
  for (const [fit] of found) if (!fit.ok) notes.push(["warn", `${fit.label ? `${fit.label}: t` : "T"}he verdict on this fit is: not to be believed.`]);
  for (const [kind, text] of notes) parts.push(element("p", { class: `note ${kind}` }, text));
  for (const [fit, one] of without) parts.push(element("p", { class: "note" }, `${fit.label ? `${fit.label}: ` : ""}no answer here: ${one.reason}.`));
  home.replaceChildren(...parts);
  speakLater();
}

/** Screen readers hear the answer once the reader has stopped moving. */
let latest = [];
const speakLater = afterQuiet(() => {
  speak(latest.map(([fit, one]) => `${fit.label ? `${fit.label}: ` : ""}${state.response} ${middle(one.median, one.lo, one.hi)}, ${percent(state.level)} interval ${middle(one.lo, one.lo, one.hi)} to ${middle(one.hi, one.lo, one.hi)}. ${one.distance || "Among the rows"}.`).join(" "));
}, 900);

function speak(text) {
  byId("spoken").textContent = text;
}

// ---- the curve

/** Every curve drawn before, by all that it depends on: the slider that runs along the curve redraws none. */
const curves = new Map();

function curveOf(fit, at, grid) {
  const point = pointOf(fit, at);
  const others = Object.entries(point).filter(([name]) => name !== state.against);
  const key = JSON.stringify([FITS.indexOf(fit), others, state.against, state.level, state.response, grid[0], grid[grid.length - 1]]);
  if (!curves.has(key)) {
    if (curves.size > 40) curves.clear();
    curves.set(key, { x: grid, ...fit.engine.curve(state.against, grid, point, { level: state.level, response: state.response }) });
  }
  const found = curves.get(key);
  return found.reason ? null : found;
}

function gridOf(slider, points) {
  const values = [slider.first, slider.last, ...points.map((at) => at[slider.name])];
  const log = slider.log;
  const tick = (v, round) => (log ? 10 ** (round(Math.log10(v) * 2) / 2) : v);
  let low = Math.min(...values), high = Math.max(...values);
  if (log) [low, high] = [tick(low * 0.9, Math.floor), tick(high * 1.1, Math.ceil)];
  else {
    const room = (high - low) * 0.04 || 1;
    [low, high] = [slider.domain === "real" ? low - room : Math.max(low - room, Math.min(low, slider.first) * 0.9), high + room];
  }
  return Array.from({ length: POINTS }, (_, i) => (log ? low * (high / low) ** (i / (POINTS - 1)) : low + ((high - low) * i) / (POINTS - 1)));
}

/** The ground of the chart that stands, and what it was drawn for: axes, shade and rows change seldom, curves always. */
let ground = { key: "", svg: null };

function drawCurve(found) {
  const home = byId("curve"), slider = sliderOf(state.against);
  const fits = answering().filter((fit) => fit.inputs.includes(state.against));
  if (!fits.length || !home.clientWidth) return;
  const scenarios = [{ at: state.at, pin: -1 }, ...state.pins.map((at, pin) => ({ at, pin }))];
  const grid = gridOf(slider, scenarios.map((one) => one.at));
  const series = fits.flatMap((fit) => scenarios.map(({ at, pin }) => ({ pin, colour: pin < 0 ? fit.colour : pinColour(pin), fan: curveOf(fit, at, grid) }))).filter((one) => one.fan);
  if (!series.length) return home.replaceChildren();
  const marksAt = found.map(([fit, one]) => ({ x: state.at[state.against], colour: fit.colour, ...one }));
  const medians = series.flatMap((one) => Array.from(one.fan.median));
  const log = spansDecades(medians.filter(Number.isFinite), 3);
  const rows = fits.flatMap((fit) => nearRows(fit));
  const values = [...medians, ...series.filter((one) => one.pin < 0).flatMap((one) => [...one.fan.lo, ...one.fan.hi]), ...rows.map((one) => one.y)];
  const [bottom, top] = roundEnds(extentOf(values, log), log);
  const width = home.clientWidth, height = width < 500 ? 300 : 400, [low, high] = [grid[0], grid[grid.length - 1]];
  const unit = FITS[0].units[state.response];
  const x = axis(low, high, slider.log, `${state.against}, ${slider.unit}`, width < 500 ? 4 : 8);
  const y = { ...axis(bottom, top, log, unit ? `${state.response}, ${unit}` : state.response, 7), grid: true };
  const key = JSON.stringify([state.against, state.response, width, low, high, bottom, top, log, rows.flatMap((one, i) => (one.near ? [i] : []))]);
  if (ground.key !== key) ground = { key, svg: groundOf({ width, height, x, y }, slider, rows) };
  const floor = log ? bottom : -Infinity;
  const marks = [
    ...series.slice().reverse().flatMap((one) => fanMarks(one.fan, one.colour, floor, { faint: one.pin >= 0 })),
    Plot.ruleX(marksAt.slice(0, 1), { x: "x", stroke: QUIET, strokeDasharray: "2,3" }),
    Plot.ruleX(marksAt, { x: "x", y1: (one) => Math.max(one.new_lo, floor), y2: "new_hi", stroke: (one) => one.colour, strokeWidth: 1.5, clip: true }),
    Plot.ruleX(marksAt, { x: "x", y1: (one) => Math.max(one.lo, floor), y2: "hi", stroke: (one) => one.colour, strokeWidth: 5, clip: true }),
    Plot.dot(marksAt, { x: "x", y: "median", r: 5, fill: "var(--sheet)", stroke: (one) => one.colour, strokeWidth: 2.2 }),
  ];
  const held = describe(Object.fromEntries(Object.entries(state.at).filter(([name]) => name !== state.against)));
  const caption = `${state.response} against ${state.against}${held ? ` at ${held}` : ""}: the dark band holds the law's mean, the light one a new observation, ${percent(state.level)} each. Large dots are rows at these values, small ones all others.`;
  const svg = plot({ width, height, x: { ...x, axis: null }, y: { ...y, axis: null, grid: false } }, marks, `Curve of ${caption}`);
  if (home.firstChild === ground.svg) home.lastChild.replaceWith(svg);
  else home.replaceChildren(ground.svg, svg);
  byId("curve-caption").textContent = caption;
}

function groundOf(options, slider, rows) {
  const [low, high] = options.x.domain, [bottom, top] = options.y.domain;
  const outside = [[low, slider.first], [slider.last, high]].filter(([a, b]) => b > a);
  const place = slider.log ? Math.log10 : Number;
  const room = ([a, b]) => (options.width * (place(b) - place(a))) / (place(high) - place(low));
  const named = outside.findLast((one) => room(one) > WORDS_WIDE);
  const svg = plot(options, [
    Plot.rect(outside, { x1: (d) => d[0], x2: (d) => d[1], y1: bottom, y2: top, fill: "currentColor", fillOpacity: 0.05 }),
    ...(named ? [Plot.text(["beyond the data"], { x: [named[0]], y: [bottom], text: (d) => d, textAnchor: "start", dx: 6, dy: -8, fill: QUIET })] : []),
    Plot.dot(rows, { x: "x", y: "y", r: (one) => (one.near ? 2.6 : 1.5), fill: (one) => (one.near ? one.colour : QUIET), fillOpacity: (one) => (one.near ? 0.85 : 0.32), clip: true }),
  ]);
  svg.setAttribute("aria-hidden", "true");
  return svg;
}

/** Ends of an axis moved out to round places, so that it stands still while a curve moves a little. */
function roundEnds([low, high], log) {
  if (log) return [10 ** (Math.floor(Math.log10(low) * 2) / 2), 10 ** (Math.ceil(Math.log10(high) * 2) / 2)];
  return d3.nice(low, high, 8);
}

const pinColour = (pin) => SERIES[1 + ((pin + (FITS.length > 1 ? 1 : 0)) % (SERIES.length - 1))];

/** Rows of a fit as dots; those whose other variables and levels are the scenario's are near. */
function nearRows(fit) {
  const { rows, codes, levels } = fit.drawn, ys = rows[state.response], xs = rows[state.against];
  const every = Math.max(1, Math.ceil(ys.length / SHOWN_ROWS));
  const points = [];
  for (let i = 0; i < ys.length; i++) {
    if (ys[i] === null || xs[i] === null) continue;
    const near = fit.inputs.every((name) => name === state.against || same(rows[name][i], state.at[name]))
      && Object.entries(codes).every(([name, code]) => state.at[name] === undefined || levels[name][code[i]] === state.at[name]);
    if (near || i % every === 0) points.push({ x: xs[i], y: ys[i], near, colour: fit.colour });
  }
  return points;
}

function same(a, b) {
  return a > 0 && b > 0 ? Math.abs(Math.log(a / b)) < Math.log(1.05) : a === b;
}

// ---- scenarios

function drawPins() {
  byId("pinned").hidden = !state.pins.length;
  const table = byId("scenarios");
  if (!state.pins.length) return table.replaceChildren();
  const fits = answering(), percentage = percent(state.level);
  const head = ["scenario", ...(fits.length > 1 ? ["fit"] : []), "median", `${percentage} of the mean`, `${percentage} of a new observation`, "decades beyond the data", ...(fits.length > 1 ? [] : ["times the current"]), ""];
  const lines = [{ at: state.at, pin: -1 }, ...state.pins.map((at, pin) => ({ at, pin }))];
  const bodies = lines.flatMap(({ at, pin }) => fits.map((fit, place) => {
    const one = predicted(fit, at), current = predicted(fit, state.at);
    const cells = !one.reason
      ? [middle(one.median, one.lo, one.hi), interval(one.lo, one.hi), interval(one.new_lo, one.new_hi), Object.entries(one.beyond).filter(([, d]) => Math.abs(d) > NEAR).map(([name, d]) => `${name} ${d > 0 ? "+" : "−"}${Math.abs(d).toFixed(1)}`).join(", ") || "among the rows", ...(fits.length > 1 ? [] : [pin < 0 || current.reason ? "" : short(one.median / current.median, 3)])]
      : [one.reason, "", "", "", ...(fits.length > 1 ? [] : [""])];
    const label = element("th", { scope: "row" }, chip(pin < 0 ? fit.colour : pinColour(pin)), `${pin < 0 ? "current: " : ""}${describe(at)}`);
    const last = element("td", {});
    if (pin >= 0 && place === 0)
      last.append(
        element("button", { type: "button", class: "quiet", "aria-label": `Go to ${describe(at)}`, onclick: () => goTo(at) }, "Go there"), " ",
        element("button", { type: "button", class: "quiet", "aria-label": `Remove ${describe(at)}`, onclick: () => (state.pins.splice(pin, 1), byId("pin").focus(), redraw()) }, "Remove"));
    return element("tr", { "data-pin": pin }, label, ...(fits.length > 1 ? [element("td", {}, fit.label)] : []), ...cells.map((cell) => element("td", {}, cell)), last);
  }));
  table.replaceChildren(element("thead", {}, element("tr", {}, ...head.map((text) => (text ? element("th", { scope: "col" }, text) : element("td", {}))))), element("tbody", {}, ...bodies));
}

function goTo(at) {
  state.at = { ...at };
  showControls();
  redraw();
}

// ---- questions

function bindQuestions() {
  for (const form of document.querySelectorAll(".question")) {
    const ask = afterQuiet(() => answer(form), 200);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", () => {
      state.given[questionKey(form)] = givenOf(form);
      keep();
      ask();
    });
  }
}

const questionKey = (form) => form.dataset.question + (form.dataset.fits === "1" ? ".1" : ""); // of the second fit alone
const givenOf = (form) => Object.fromEntries([...form.querySelectorAll("[data-given]")].map((field) => [field.dataset.given, field.value.trim()]));

function showQuestions() {
  for (const form of document.querySelectorAll(".question"))
    for (const field of form.querySelectorAll("[data-given]")) {
      const said = state.given[questionKey(form)]?.[field.dataset.given];
      if (said !== undefined) field.value = said;
    }
  askAll();
}

function askAll() {
  // one after the other with the page free in between: a search over all draws takes a while
  const forms = [...document.querySelectorAll(".question")];
  const next = () => {
    const form = forms.shift();
    if (!form) return;
    answer(form);
    setTimeout(next, 0);
  };
  setTimeout(next, 0);
}

function answer(form) {
  const output = form.querySelector("output");
  const given = {}, empty = [];
  let wrong = "";
  for (const field of form.querySelectorAll("[data-given]")) {
    if (!field.value.trim()) {
      empty.push(field.dataset.given);
      continue;
    }
    const value = parse(field.value), slider = sliderOf(field.dataset.given);
    const bad = value === null || (slider !== undefined && readNumber(slider, field.value) === null);
    field.setAttribute("aria-invalid", String(bad));
    if (bad) wrong = wrong || `${field.dataset.given}: numbers are written 0.5, 1e24, 7B or 100T.`;
    given[field.dataset.given] = value;
  }
  if (wrong) return output.replaceChildren(element("p", { class: "muted" }, wrong));
  if (empty.length) return output.replaceChildren(element("p", { class: "muted" }, `Waits for ${empty.join(", ")}.`));
  for (const choice of CHOICES) if (choice.required) given[choice.name] = state.at[choice.name];
  const fits = form.dataset.fits.split(" ").map((place) => FITS[Number(place)]);
  output.replaceChildren(...fits.flatMap((fit) => answerOf(fit, form.dataset.question, given, fits.length > 1)));
}

function answerOf(fit, question, given, labelled) {
  const found = fit.engine.ask(question, given, { level: state.level });
  const who = () => (labelled ? [chip(fit.colour), `${fit.label}: `] : []);
  if (found.reason) return [element("p", { class: "muted" }, ...who(), `No answer: ${found.reason}.`)];
  return found.answers.map((one) => {
    if (!Number.isFinite(one.median)) return element("p", {}, ...who(), `${one.name}: none within the range searched.`);
    const none = one.none > 0 ? ` ${(one.none * 100).toFixed(1)} % of the draws have no answer within the range searched.` : "";
    const name = found.answers.length > 1 || one.name !== question ? `${one.name} = ` : "";
    return element("p", {}, ...who(), name, element("strong", {}, middle(one.median, one.lo, one.hi)), `${one.unit ? ` ${one.unit}` : ""}, ${percent(state.level)} ${interval(one.lo, one.hi)}.${none}`);
  });
}

// ---- all of it

const keep = keepInAddress();

function draw() {
  const found = answering().map((fit) => [fit, predicted(fit, state.at)]);
  latest = found.filter(([, one]) => !one.reason);
  drawAnswer(latest, found.filter(([, one]) => one.reason));
  drawCurve(latest);
  drawPins();
  keep();
}

function startExplorer() {
  state.at = startingPoint();
  state.response = RESPONSES[0];
  state.against = [...SLIDERS].sort((a, b) => (b.first > 0 ? b.last / b.first : 0) - (a.first > 0 ? a.last / a.first : 0))[0].name;
  readHash(location.hash);
  bindControls();
  bindQuestions();
  showControls();
  showQuestions();
  draw();
  addEventListener("hashchange", () => {
    if (location.hash === hashOf(state) || !readHash(location.hash)) return;
    showControls();
    showQuestions();
    draw();
  });
}
