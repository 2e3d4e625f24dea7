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
