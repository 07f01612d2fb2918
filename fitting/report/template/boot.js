// The page begins: what it carries is read, theme and copying are bound, the figures drawn.

const DRAWN = JSON.parse(byId("drawn").textContent);
const { sliders: SLIDERS, choices: CHOICES, responses: RESPONSES, levels: LEVELS, words: WORDS } = DRAWN;
const PAYLOADS = JSON.parse(byId("payload").textContent);
const FITS = DRAWN.fits.map((fit, i) => ({ ...fit, colour: SERIES[i], engine: lawdslEngine.open(PAYLOADS[i]) }));

function bindTheme() {
  const button = byId("theme"), root = document.documentElement;
  const dark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const show = () => {
    button.textContent = dark() ? "Light" : "Dark";
    button.setAttribute("aria-label", `Switch to the ${dark() ? "light" : "dark"} theme`);
  };
  button.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    show();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
  show();
}

function bindCopying() {
  for (const button of document.querySelectorAll("[data-copy]"))
    button.addEventListener("click", () => copyText(byId(button.dataset.copy).textContent, button));
}

bindTheme();
bindCopying();
document.querySelectorAll(".body > h3 .chip[data-fit]").forEach((mark) => {
  mark.style.background = (FITS.find((fit) => fit.label === mark.dataset.fit) || FITS[0]).colour;
});
if (byId("asking")) startExplorer();
drawFigures();
let widthDrawn = document.documentElement.clientWidth;
addEventListener("resize", afterQuiet(() => {
  if (document.documentElement.clientWidth === widthDrawn) return; // a phone's address bar comes and goes
  widthDrawn = document.documentElement.clientWidth;
  if (byId("asking")) draw();
  drawFigures();
}, 150));
// details are open on paper
let opened = [];
addEventListener("beforeprint", () => {
  waiting.splice(0).forEach(drawFigure);
  opened = [...document.querySelectorAll("details:not([open])")];
  opened.forEach((one) => (one.open = true));
});
addEventListener("afterprint", () => opened.forEach((one) => (one.open = false)));
document.documentElement.dataset.ready = "true";
