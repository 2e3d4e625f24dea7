// --- temperature, top-k and top-p ------------------------------------------------------------------------------------
const V = run.p.length, ranked = [...run.p.keys()].sort((a, b) => run.p[b] - run.p[a] || a - b);
const columns = V > 12 ? [...ranked.slice(0, 11), -1] : [...run.p.keys()]; // -1: all the others
const order = row => [...row.keys()].sort((a, b) => row[b] - row[a] || a - b);
function keep(row, chosen) {
  const kept = row.map((x, i) => chosen.has(i) ? x : 0), total = sum(kept);
  return kept.map(x => x / total);
}
function cooled(row, T) {
  if (T === 0) return keep(row, new Set([order(row)[0]]));
  if (T === 1) return row;
  const most = Math.max(...row), weights = row.map(x => x > 0 ? Math.exp(Math.log(x / most) / T) : 0), total = sum(weights);
  return weights.map(x => x / total);
}
function nucleus(row, mass) { // a token is kept while the mass before it is too small
  if (mass === 1) return row;
  const chosen = new Set(), enough = mass * (1 - 16 * Number.EPSILON);
  let upTo = 0;
  for (const x of order(row)) {
    upTo += row[x];
    if (upTo - row[x] < enough) chosen.add(x);
  }
  return keep(row, chosen);
}
const controls = () => [slider("T", "temperature T", {max: 2, step: 0.05}), slider("k", "top-k: at most", {min: 1, max: V, step: 1, words: k => k === V ? "all" : plural(k, "token")}),
  slider("mass", "top-p: at least", {min: 0.05, step: 0.05, words: mass => mass === 1 ? "all" : mass.toFixed(2)})];
function compute() {
  const cold = cooled(run.p, state.T), made = nucleus(state.k < V ? keep(cold, new Set(order(cold).slice(0, state.k))) : cold, state.mass);
  return {...state, row: made, kept: made.filter(x => x > 0).length};
}
const legend = [["ghost", "the model's row, p"], ["bx", "what is sampled from"]];
const at = (row, x) => x >= 0 ? row[x] : Math.max(0, 1 - sum(columns.filter(x => x >= 0).map(x => row[x])));
function draw({row}, width) {
  const most = Math.max(...columns.flatMap(x => [at(run.p, x), at(row, x)])), ticks = [0, 0.25, 0.5, 0.75, 1].filter(tick => tick <= most * 1.001);
  const {room, ground, middle, bar} = chart(width, columns.length, {top: 8, base: 190, most, ticks}), w = Math.min(46, room * 0.62), marks = [...ground];
  columns.forEach((x, i) => {
    const left = middle(i) - w / 2, now = at(row, x);
    marks.push(bar("bx", left, w, 0, now), bar("ghost", left - 2, w + 4, 0, at(run.p, x)),
      el("text", {class: now ? "t" : "t gone", x: middle(i), y: 209, "text-anchor": "middle"}, short(chip(x), room / 8)),
      el("text", {class: "m", x: middle(i), y: 224, "text-anchor": "middle"}, number(now, 2)));
  });
  return [picture(width, 230, columns.map(x => `${chip(x)}: ${number(at(row, x), 2)}`).join("; "), ...marks)];
}
function say({row, kept}) {
  const first = ranked[0];
  return [`${kept} of ${plural(V, "token")} ${kept === 1 ? "is" : "are"} kept. The likeliest, `, strong(chip(first), "t"), `, has ${number(row[first])}; the model gave it ${number(run.p[first])}.`];
}
