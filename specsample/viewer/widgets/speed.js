// --- how many drafts a round -----------------------------------------------------------------------------------------
const every = Array.from({length: run.max_K + 1}, (_, K) => K);
const controls = () => [slider("alpha", "α, share of tested drafts kept"), slider("c", "c, cost of a draft pass"), slider("row", "each further row of a target pass", {max: 0.5}), slider("K", "K, drafts a round", {max: run.max_K, step: 1, words: String})];
function compute() { // equation 1, theorem 3.8, and the first of the fastest K
  const {alpha, c, row, K} = state, tokens = every.map(K => sum(every.slice(0, K + 1).map(k => alpha ** k)));
  const speed = tokens.map((mean, K) => mean / (K * c + 1 + row * K)), best = speed.indexOf(Math.max(...speed));
  return {alpha, c, row, K, tokens: tokens[K], speed: speed[K], best, every_speed: speed, every_tokens: tokens};
}
const legend = [["bar", "speed-up"], ["bar best", "the best K"], ["one", "1: as fast as without drafts"], ["circle", "tokens a target pass"]];
function draw({K, best, every_speed, every_tokens}, width) {
  const most = Math.max(2, ...every_tokens) * 1.08, step = [0.5, 1, 2, 5].find(step => most / step <= 6), ticks = every.map(k => k * step).filter(tick => tick <= most);
  const {room, y, ground, middle, bar} = chart(width, every.length, {top: 20, base: 200, most, ticks}), w = room * 0.66, marks = [...ground];
  marks.push(el("line", {class: "one", x1: 36, x2: width, y1: y(1), y2: y(1)}));
  for (const k of every) {
    marks.push(bar("bar" + (k === best ? " best" : ""), middle(k) - w / 2, w, 0, every_speed[k]), el("circle", {class: "circle", cx: middle(k), cy: y(every_tokens[k]), r: Math.min(4, room / 4)}));
    if (width >= 560 || k % 2 === 0) marks.push(el("text", {class: "m" + (k === K ? " hit" : ""), x: middle(k), y: 216, "text-anchor": "middle"}, String(k)));
  }
  marks.push(el("rect", {class: "frame", x: middle(K) - w / 2 - 3, width: w + 6, y: y(every_speed[K]) - 3, height: 206 - y(every_speed[K]), rx: 3}),
    el("text", {class: "u", x: middle(best), y: y(every_speed[best]) - 6, "text-anchor": "middle"}, "▾"),
    el("text", {class: "m", x: width, y: 232, "text-anchor": "end"}, "K"));
  return [picture(width, 236, `speed-up ${number(every_speed[K], 2)} at K = ${K}; best K ${best}`, ...marks)];
}
function say({K, tokens, speed, best, every_speed}) {
  const told = [`With K = ${K} a target pass gives `, strong(tokens.toFixed(2)), " tokens on average, and the text comes ", strong(speed.toFixed(2)), " times as fast. "];
  return best ? [...told, `The best K is ${best === run.max_K ? `${best} or more` : best}: `, strong(every_speed[best].toFixed(2)), "."] :
    [...told, "No K pays: a draft costs more than it brings."];
}
