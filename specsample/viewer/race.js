// --- the race --------------------------------------------------------------------------------------------------------
// The same prompt continued twice over one axis of time. A pass is [from, to]; a token is there when its pass has ended.
const supposed = {c: 0.1, rho: 1}; // where no pass was measured: a draft pass and a pass over K+1 rows, in target passes
const is_measured = Boolean(run.times);
const may_race = run.rounds.some(round => round.drafts.length);
function laneOf(name, rounds) { // rounds of {tokens, sources, passes: [[idle, busy], ...]}, of which the last pass is the target's
  const lane = {name, tokens: [], passes: [], end: 0, rounds: rounds.length};
  for (const {tokens, sources, passes} of rounds) {
    passes.forEach(([idle, busy], k) => {
      lane.passes.push({from: lane.end + idle, to: lane.end + idle + busy, kind: k === passes.length - 1 ? "target" : "qx"});
      lane.end += idle + busy;
    });
    tokens.forEach((id, k) => lane.tokens.push({id, source: sources[k], k, time: lane.end}));
  }
  return lane;
}
function lanes() { // measured in milliseconds, or predicted in target passes
  const widest = Math.max(...run.rounds.map(round => round.drafts.length)), emitted = run.rounds.flatMap(round => round.emitted);
  const guess = round => [...round.drafts.map(() => [0, supposed.c]), [0, 1 + (supposed.rho - 1) * round.drafts.length / widest]];
  const alone = is_measured ? run.times.tokens : emitted;
  return [laneOf("autoregressive", alone.map((id, k) => ({tokens: [id], sources: ["plain"], passes: [is_measured ? run.times.passes[k] : [0, 1]]}))),
    laneOf("speculative", run.rounds.map((round, r) => ({tokens: round.emitted, sources: round.sources, passes: is_measured ? run.times.rounds[r] : guess(round)})))];
}
let both = [], moments = [], total = 0; // the lanes, the times at which a token comes, and the end of the slower one
function plan() {
  both = lanes();
  total = Math.max(...both.map(lane => lane.end));
  moments = [...new Set([0, ...both.flatMap(lane => lane.tokens.map(token => token.time))])].sort((a, b) => a - b);
}
const clock = time => !is_measured ? `${time.toFixed(1)} passes` : total < 1000 ? `${time.toFixed(total < 10 ? 2 : 0)} ms` : `${(time / 1000).toFixed(2)} s`;
const rateOf = (n, time) => !is_measured ? `${(n / time).toFixed(2)} a pass` : `${(n / time * 1000).toFixed(0)} a second`;
function track(lane, width) { // passes along the axis, and above each the tokens that it gave
  const x = time => time / total * width, high = Math.max(...lane.tokens.map(token => token.k)) + 1, base = 7 * high + 4;
  const w = Math.max(1.2, Math.min(8, x(lane.end) / lane.rounds - 1.5)), marks = [];
  for (const {id, source, k, time} of lane.tokens) marks.push(el("rect", {class: CELLS[source] ?? "plain", x: Math.max(0, x(time) - w), width: w, y: base - 3 - 7 * (k + 1), height: 6, rx: 1}));
  for (const {from, to, kind} of lane.passes) marks.push(el("rect", {class: kind, x: x(from), width: Math.max(x(to) - x(from), 0.4), y: base, height: 16}));
  const veil = el("rect", {class: "veil", y: 0, height: base + 18}), needle = el("line", {class: "needle", y1: 0, y2: base + 18});
  const label = `${lane.name}: ${plural(lane.tokens.length, "token")} in ${plural(lane.rounds, "target pass", "target passes")}, ${clock(lane.end)}`;
  return {svg: picture(width, base + 18, label, ...marks, veil, needle), veil, needle};
}
function axis(width) {
  const step = [1, 2, 5].flatMap(d => [0.01, 0.1, 1, 10, 100, 1000, 10000].map(e => d * e)).sort((a, b) => a - b).find(s => total / s <= width / 70), marks = [];
  for (let time = 0; time <= total * 1.0001; time += step) {
    const x = time / total * width, is_last = x > width - 20;
    marks.push(el("line", {class: "axis", x1: x, x2: x, y1: 0, y2: 5}), el("text", {class: "m", x, y: 17, "text-anchor": is_last ? "end" : time ? "middle" : "start"}, `${+time.toFixed(2)}`));
  }
  return picture(width, 20, "time", el("line", {class: "axis", x1: 0, x2: width, y1: 0.5, y2: 0.5}), ...marks);
}
function layRace(width) { // once for a width, and when what is supposed changes
  plan();
  const views = both.map(lane => {
    const flow = el("div", {class: "flow", role: "group", "aria-label": `the text, ${lane.name}`, tabindex: 0},
      run.prompt.length > 60 ? el("span", {class: "prompt"}, "… ") : null, run.prompt.slice(-60).map(token => el("span", {class: "prompt"}, run.texts[token][1])));
    const spans = lane.tokens.map(({id, source}) => el("span", {class: source, hidden: true}, run.texts[id][1]));
    const count = el("span", {class: "count"}), drawn = track(lane, width);
    flow.append(...spans);
    return {lane, flow, spans, count, ...drawn};
  });
  const why = {autoregressive: "one target pass a token", speculative: "drafts, then one target pass"};
  ui.lanes.replaceChildren(...views.flatMap(({lane, flow, count, svg}) =>
    [el("div", {class: "head"}, el("span", {}, strong(lane.name), el("span", {class: "wide"}, `: ${why[lane.name]}`)), count), flow, svg]), axis(width),
    el("p", {class: "unit"}, is_measured ? "milliseconds" : "time, in target passes of one row"));
  ui.views = views;
}
function drawRace(time, width) {
  for (const {lane, flow, spans, count, veil, needle} of ui.views) {
    const n = lane.tokens.filter(token => token.time <= time).length, x = Math.min(time, lane.end) / total * width, is_over = time >= lane.end;
    veil.setAttribute("x", x);
    veil.setAttribute("width", Math.max(0, width - x));
    needle.setAttribute("x1", x);
    needle.setAttribute("x2", x);
    spans.forEach((span, k) => { span.hidden = k >= n; });
    const rate = n ? `, ${rateOf(n, lane.tokens[n - 1].time)}` : "";
    count.replaceChildren(`${is_over ? "done: " : ""}${plural(n, "token")}${rate}`, el("span", {class: "wide"}, is_over ? `, after ${clock(lane.end)}` : ""));
    flow.scrollTop = flow.scrollHeight;
  }
}
function outcome() {
  const [alone, ours] = both, round = ours.end / ours.rounds, pass = alone.end / alone.tokens.length, gave = ours.tokens.length / ours.rounds;
  const gain = gave * pass / round, why = `A round gave ${gave.toFixed(2)} tokens and took as long as ${(round / pass).toFixed(2)} autoregressive ones: ${gave.toFixed(2)} / ${(round / pass).toFixed(2)} = ${gain.toFixed(2)}`;
  const said = is_measured ? "" : "Predicted: ";
  return gain >= 1 ? `${said}${gain.toFixed(2)} times the tokens a second. ${why}.` :
    `${said || "Here "}it does not pay. ${why} times the speed. Cheaper or better drafts, or fewer of them, would help.`;
}
function note() {
  if (is_measured) return [el("p", {}, strong("Measured"), `, every pass: ${run.times.how}. Bars are passes of a model; what lies between them is picking, testing and rolling back. The first pass reads the prompt.`)];
  const slider = (name, text, least, most, step) => {
    const value = el("output", {}, supposed[name].toFixed(2));
    return el("label", {}, text, el("input", {type: "range", min: least, max: most, step, value: supposed[name], input: event => {
      supposed[name] = +event.target.value;
      value.textContent = supposed[name].toFixed(2);
      layRace(width);
      go(moments.length - 1);
    }}), value);
  };
  return [el("p", {}, strong("Predicted, not measured"), ": this run was recorded without times, and both lanes show its text. specsample.bench.race measures every pass. Until then, suppose:"),
    slider("c", "c, a draft pass in target passes", 0.01, 1, 0.01), slider("rho", "ρ, a target pass over K + 1 rows in passes over one", 1, 4, 0.05)];
}

