// --- sliders: what a widget is made of -------------------------------------------------------------------------------
// A widget's own script says which controls there are, what is computed of them, how it is drawn and what is said of it.
const state = structuredClone(run.start), painters = [];
let ui = {}, width = 700;
function set(changes) {
  Object.assign(state, changes);
  update();
}
function slider(name, label, {min = 0, max = 1, step = 0.01, words = x => x.toFixed(2)} = {}) {
  const output = el("output"), input = el("input", {type: "range", name, min, max, step, "aria-label": label});
  input.addEventListener("input", () => set({[name]: +input.value}));
  painters.push(() => {
    input.value = state[name];
    output.textContent = words(state[name]);
    input.setAttribute("aria-valuetext", words(state[name]));
  });
  return el("label", {class: "slider"}, el("span", {}, label), input, output);
}
function choice(name, label, options) {
  const select = el("select", {name, "aria-label": label, change: () => set({[name]: select.value})},
    Object.entries(options).map(([value, text]) => el("option", {value}, text)));
  painters.push(() => { select.value = state[name]; });
  return el("label", {class: "slider choice"}, el("span", {}, label), select);
}
const sum = row => row.reduce((total, x) => total + x, 0);
// A chart of columns over one scale: its ground, and where things stand on it
function chart(width, n, {top, base, most, ticks, left = 36, head = ""}) {
  const room = (width - left) / n, y = value => base - value / most * (base - top);
  const ground = ticks.flatMap(tick => [el("line", {class: "axis", x1: left, x2: width, y1: y(tick), y2: y(tick)}),
    el("text", {class: "m", x: left - 5, y: y(tick) + 4, "text-anchor": "end"}, String(+tick.toFixed(2)))]);
  if (head) ground.push(el("text", {x: 0, y: top - 12}, head));
  return {room, y, ground, middle: i => left + (i + 0.5) * room,
    bar: (kind, x, w, from, to) => el("rect", {class: kind, x, width: w, y: y(to), height: Math.max(0, y(from) - y(to))})};
}
