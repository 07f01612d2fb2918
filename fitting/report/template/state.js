// What the reader has set, and the link that restores it: #N=70B&D=100T&against=D&level=0.9&pin=N%3D7B...&ask.tokens_at=...

/** at: variable -> number, factor -> level; pins: such points, in the order in which they were pinned;
    given: "question of the fit" -> name -> text. */
const state = { at: {}, against: "", level: 0.9, response: "", pins: [], given: {} };

function hashOf(current) {
  const query = new URLSearchParams(pointTexts(current.at));
  query.set("against", current.against);
  query.set("level", String(current.level));
  if (RESPONSES.length > 1) query.set("response", current.response);
  for (const pin of current.pins) query.append("pin", new URLSearchParams(pointTexts(pin)).toString());
  for (const [question, given] of Object.entries(current.given)) query.set(`ask.${question}`, new URLSearchParams(given).toString());
  return `#${query}`;
}

function pointTexts(point) {
  return Object.entries(point).map(([name, value]) => [name, typeof value === "number" ? exact(value) : value]);
}

/** Names that a link may set beside variables and factors. */
const RESERVED = new Set(["against", "level", "response", "pin"]);

/** What a link says, as far as it says something that this page has; the rest is left as it is. */
function readHash(hash) {
  if (!hash.includes("=")) return false; // a heading's anchor
  const query = new URLSearchParams(hash.slice(1));
  const at = readPoint(query);
  Object.assign(state.at, at);
  if (SLIDERS.some((one) => one.name === query.get("against"))) state.against = query.get("against");
  if (RESPONSES.includes(query.get("response"))) state.response = query.get("response");
  const level = Number(query.get("level"));
  if (LEVELS.includes(level)) state.level = level;
  state.pins = query.getAll("pin").slice(0, MOST_PINS).map((text) => ({ ...startingPoint(), ...readPoint(new URLSearchParams(text)) }));
  for (const [name, text] of query)
    if (name.startsWith("ask.")) state.given[name.slice(4)] = Object.fromEntries(new URLSearchParams(text));
  return true;
}

function readPoint(query) {
  const found = {};
  for (const slider of SLIDERS) {
    const value = query.has(slider.name) && !RESERVED.has(slider.name) ? readNumber(slider, query.get(slider.name)) : null;
    if (value !== null) found[slider.name] = value;
  }
  for (const choice of CHOICES) {
    const level = query.get(choice.name);
    if (choice.levels.includes(level)) found[choice.name] = level;
  }
  return found;
}

/** A typed number within the variable's domain, or null. */
function readNumber(slider, text) {
  const value = parse(text);
  if (value === null || !Number.isFinite(value)) return null;
  if (slider.domain === "positive" && value <= 0) return null;
  if (slider.domain === "unit" && !(value >= 0 && value <= 1)) return null;
  return value;
}

function startingPoint() {
  const at = Object.fromEntries(SLIDERS.map((one) => [one.name, one.value]));
  for (const choice of CHOICES) if (choice.required) at[choice.name] = choice.levels[0];
  return at;
}

function linkOf(current) {
  return `${location.href.split("#")[0]}${hashOf(current)}`;
}

const keepInAddress = () =>
  afterQuiet(() => {
    try {
      history.replaceState(null, "", hashOf(state));
    } catch {
      // a page inside another may not touch its address; the link is still there to copy
    }
  }, 250);
