// --- nodes and numbers -----------------------------------------------------------------------------------------------
// Everything is made of DOM nodes and textContent: token text is never markup.
const SVG = new Set(["svg", "g", "rect", "line", "path", "text", "circle", "pattern", "title"]);
function el(tag, attributes = {}, ...children) {
  const node = SVG.has(tag) ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter(child => child !== null && child !== undefined));
  return node;
}
const chip = token => token < 0 ? "rest" : run.texts[token][0];
const strong = (text, kind = "") => el("b", {class: kind}, text);
const plural = (n, word, words = `${word}s`) => `${n} ${n === 1 ? word : words}`;
function number(x, digits = 3) {
  if (x === 0 || x === 1) return String(x);
  return x < 0.5 * 10 ** -digits ? "<" + (10 ** -digits).toFixed(digits) : x.toFixed(digits);
}
function apart(a, b) { // enough digits to see which of two numbers is larger
  for (let digits = 3; digits < 17; digits++) {
    if (a.toFixed(digits) !== b.toFixed(digits) || a === b) return [a.toFixed(digits), b.toFixed(digits)];
  }
  return [String(a), String(b)];
}
const short = (text, room) => [...text].length > Math.max(2, room) ?
  [...text].slice(0, Math.max(1, Math.floor(room) - 1)).join("") + "…" : text;

// --- what every picture has ------------------------------------------------------------------------------------------
function hatches() { // once, for all pictures, where nothing is ever hidden: a hidden pattern fills nothing
  const hatch = (id, angle, color) => el("pattern",
    {id, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: `rotate(${angle})`},
    el("rect", {width: 6, height: 6, fill: color, opacity: 0.16}), el("line", {y2: 6, stroke: color, "stroke-width": 2.4}));
  const dots = el("pattern", {id: "hb", width: 5, height: 5, patternUnits: "userSpaceOnUse"},
    el("rect", {width: 5, height: 5, fill: "var(--bonus)", opacity: 0.2}), el("circle", {cx: 2.5, cy: 2.5, r: 1.3, fill: "var(--bonus)"}));
  return el("svg", {class: "hatches", width: 0, height: 0, "aria-hidden": "true"}, hatch("hq", 45, "var(--drafted)"), hatch("hp", -45, "var(--correction)"),
    hatch("hf", 45, "color-mix(in srgb, var(--rejected) 45%, transparent)"), dots);
}
const picture = (width, height, label, ...children) =>
  el("svg", {width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label}, ...children);
const swatch = kind => el("svg", {viewBox: "0 0 15 11", "aria-hidden": "true"},
  el("rect", {class: kind, x: 1, y: 1, width: 13, height: 9}));
const key = entries => el("div", {class: "key"}, entries.map(([kind, text]) => el("span", {}, swatch(kind), text)));

// --- the place on the page -------------------------------------------------------------------------------------------
// The same run shown twice has two scripts, one for each place.
const place = () => [...document.querySelectorAll(`[data-specsample="${mark}"]`)].find(host => !host.shadowRoot);
function theme(host) { // the page's own choice where it states one, else the system's
  const body = document.body.dataset, classes = document.body.classList, system = matchMedia("(prefers-color-scheme: dark)").matches;
  const is_dark = body.jpThemeLight !== undefined ? body.jpThemeLight === "false" : body.theme === "dark" || body.theme === "light" ? body.theme === "dark" :
    classes.contains("vscode-dark") || (!classes.contains("vscode-light") && system);
  host.dataset.theme = is_dark ? "dark" : "light";
}
function settle(host, box) {
  host.attachShadow({mode: "open"}).append(el("style", {}, style), box);
  const paint = () => theme(host);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  new MutationObserver(paint).observe(document.body, {attributes: true});
  paint();
}
