// --- p and q as bars to drag -----------------------------------------------------------------------------------------
const n = run.p.length, HIGH = {top: 26, base: 196}, LEFT = 36, KINDS = {residual: "px", p: "bx", q: "qx"};
state.p = [...run.p];
state.q = [...run.q];
Object.assign(run.start, {p: run.p, q: run.q}); // where `reset` goes
function moved(row, i, value) { // the others keep their proportions
  const left = 1 - row[i];
  return row.map((x, j) => j === i ? value : left > 1e-12 ? x * (1 - value) / left : (1 - value) / (n - 1));
}
function pull(name, i, value) {
  if (n > 1) set({[name]: moved(state[name], i, Math.min(1, Math.max(0, Math.round(value * 100) / 100)))});
}
const controls = () => [choice("replacement", "a refused draft is replaced by a draw from",
  {residual: "the residual", p: "p, the target itself", q: "q, one more draft"})];
function compute() {
  const {p, q, replacement} = state, both = p.map((x, i) => Math.min(x, q[i])), beta = sum(both);
  const excess = p.map((x, i) => Math.max(0, x - q[i])), mass = sum(excess), residual = mass > 0 ? excess.map(x => x / mass) : p;
  const r = {residual, p, q}[replacement], emitted = both.map((x, i) => x + (1 - beta) * r[i]);
  return {p, q, replacement, beta, residual, r, both, emitted, distance: sum(emitted.map((x, i) => Math.abs(x - p[i]))) / 2};
}
const legend = [["both", "min(p, q): kept"], ["qx", "q − p: drafted too often"], ["px", "p − q: missing"]];
const sizes = width => {
  const room = (width - LEFT) / n, w = Math.min(40, room * 0.36);
  return {room, w, left: (i, name) => LEFT + (i + 0.5) * room + (name === "p" ? -w - 1 : 1)};
};
function draw(made, width) {
  const {p, q, both, r, emitted, beta, replacement} = made, {room, w, left} = sizes(width);
  const ticks = [0, 0.5, 1], scale = {most: 1, ticks, left: LEFT};
  const first = chart(width, n, {...HIGH, ...scale, head: "p, on the left, and q, on the right: drag them"}), {middle} = first, marks = [...first.ground];
  const second = chart(width, n, {top: 276, base: 346, ...scale, head: `what replaces a refused draft, which is ${number(1 - beta, 2)} of them`});
  const third = chart(width, n, {top: 396, base: 466, ...scale, head: "what comes out; the lines are p"});
  marks.push(...second.ground, ...third.ground);
  for (let i = 0; i < n; i++) {
    const name = short(chip(i), room / 8), x = middle(i), text = (y, said, kind = "m") => el("text", {class: kind, x, y, "text-anchor": "middle"}, said);
    marks.push(first.bar("both", left(i, "p"), w, 0, both[i]), first.bar("px", left(i, "p"), w, both[i], p[i]),
      first.bar("both", left(i, "q"), w, 0, both[i]), first.bar("qx", left(i, "q"), w, both[i], q[i]),
      ...["p", "q"].map(which => el("rect", {class: "grip", x: left(i, which), width: w, y: first.y(made[which][i]) - 2, height: 4, rx: 2})),
      text(214, name, "t"), text(229, `p ${number(p[i], 2)}`), text(242, `q ${number(q[i], 2)}`));
    marks.push(second.bar(KINDS[replacement], x - w / 2, w, 0, r[i]), text(361, `${number(r[i], 2)}`));
    const off = emitted[i] - p[i], is_off = Math.abs(off) > 5e-4;
    marks.push(third.bar("both", x - w / 2, w, 0, both[i]), third.bar(KINDS[replacement], x - w / 2, w, both[i], emitted[i]),
      el("line", {class: "mark", x1: x - w / 2 - 6, x2: x + w / 2 + 6, y1: third.y(p[i]), y2: third.y(p[i])}),
      text(482, `${name}: ${number(emitted[i], 2)}`, "m"), text(495, is_off ? `${off > 0 ? "+" : "−"}${number(Math.abs(off), 2)}` : "= p", is_off ? "no" : "yes"));
  }
  return [picture(width, 500, run.texts.map(([name], i) => `${name}: p ${number(p[i], 2)}, q ${number(q[i], 2)}, comes out ${number(emitted[i], 2)}`).join("; "), ...marks)];
}
function handles(width) { // one over each bar of the first chart: for the mouse, a finger, and the keys
  const {room, w, left} = sizes(width), {top, base} = HIGH, KEYS = {ArrowUp: 0.01, ArrowRight: 0.01, ArrowDown: -0.01, ArrowLeft: -0.01, PageUp: 0.1, PageDown: -0.1};
  return ["p", "q"].flatMap(name => run.p.map((_, i) => {
    const half = Math.min(room / 2, w + 8);
    const at = el("div", {class: "handle", role: "slider", tabindex: 0, "data-bar": `${name}${i}`, "aria-label": `${name} of ${chip(i)}`, "aria-valuemin": 0, "aria-valuemax": 1, "aria-orientation": "vertical",
      style: `left: ${name === "p" ? left(i, "p") + w + 1 - half : left(i, "q") - 1}px; width: ${half}px; top: ${top}px; height: ${base - top + 6}px`});
    const to = event => pull(name, i, (base - (event.clientY - ui.frame.getBoundingClientRect().top)) / (base - top));
    at.addEventListener("pointerdown", event => { at.setPointerCapture(event.pointerId); to(event); });
    at.addEventListener("pointermove", event => at.hasPointerCapture(event.pointerId) && to(event));
    at.addEventListener("keydown", event => {
      if (event.altKey || event.ctrlKey || event.metaKey || !(event.key in KEYS || event.key === "Home" || event.key === "End")) return;
      event.preventDefault();
      event.stopPropagation();
      pull(name, i, event.key === "Home" ? 0 : event.key === "End" ? 1 : state[name][i] + KEYS[event.key]);
    });
    const paint = () => at.setAttribute("aria-valuenow", state[name][i].toFixed(2));
    painters.push(paint);
    return at;
  }));
}
function say({beta, distance, replacement}) {
  const told = ["A draft is kept with probability β = Σ min(p, q) = ", strong(number(beta)), ". "];
  const from = {residual: "the residual", p: "p", q: "q"}[replacement];
  return distance < 1e-9 ? [...told, `With ${from} for refused drafts what comes out is p, exactly.`] :
    [...told, `With ${from} for refused drafts what comes out is `, el("b", {class: "no"}, "not p"), `: half the sum of the differences is ${number(distance)}.`];
}
