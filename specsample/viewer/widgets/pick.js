// --- one number picks a token ----------------------------------------------------------------------------------------
const starts = run.p.map((_, x) => sum(run.p.slice(0, x + 1)) - run.p[x]), MANY = 100, DRAWN = 16;
const row = {token: [...run.p.keys()], p: run.p, p_from: starts};
function pick(u) { // the first running sum above u, or the last possible token where rounding left the sum below it
  let below = 0;
  for (let x = 0; x < run.p.length; x++) if (u < (below += run.p[x])) return x;
  return run.p.findLastIndex(size => size > 0);
}
const controls = () => [slider("u", "u", {max: 0.999, step: 0.001, words: x => x.toFixed(3)}),
  el("button", {click: () => set({drops: [...state.drops ?? [], ...Array.from({length: MANY}, Math.random)]})}, `drop ${MANY} numbers`)];
const compute = () => ({u: state.u, token: pick(state.u), counts: run.p.map((_, x) => (state.drops ?? []).filter(u => pick(u) === x).length)});
const legend = run.p.length <= DRAWN ? [["zone", "the token's stretch of u"], ["zone hit", "the one that u falls on"]] : [];
function draw({u, token, counts}, width) {
  const n = run.p.length, pictures = [pickLine(width, u, row, "p", token)];
  if (n > DRAWN) return pictures;
  const {room, y, ground, middle, bar} = chart(width, n, {top: 14, base: 190, most: 1, ticks: [0, 0.25, 0.5, 0.75, 1]}), w = Math.min(46, room * 0.62), dropped = sum(counts);
  const marks = [...ground];
  run.p.forEach((size, x) => {
    marks.push(bar("zone" + (x === token ? " hit" : ""), middle(x) - w / 2, w, starts[x], starts[x] + size),
      el("text", {class: "t" + (x === token ? " hit" : ""), x: middle(x), y: 209, "text-anchor": "middle"}, short(chip(x), room / 8)),
      el("text", {class: "m", x: middle(x), y: 224, "text-anchor": "middle"}, `p ${number(size, 2)}`));
    if (dropped) marks.push(el("text", {class: "m", x: middle(x), y: 237, "text-anchor": "middle"}, `${number(counts[x] / dropped, 2)}`));
  });
  marks.push(el("line", {class: "needle", x1: 36, x2: width, y1: y(u), y2: y(u), "stroke-dasharray": "5 3"}));
  return [...pictures, picture(width, 242, `running sums; u = ${number(u)} picks ${chip(token)}`, ...marks)];
}
function say({u, token, counts}) {
  const dropped = sum(counts), told = [`u = ${number(u)} falls on the stretch of `, strong(chip(token), "t"), `, from ${number(starts[token])} to ${number(starts[token] + run.p[token])}.`];
  if (dropped) told.push(` Of ${dropped} uniform numbers ${counts[token]} fell there: a share of ${number(counts[token] / dropped, 2)}, and p = ${number(run.p[token], 2)}.`);
  return told;
}
