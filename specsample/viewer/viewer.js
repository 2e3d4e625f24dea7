((run, style, mark) => {
"use strict";
// Steps through a run that the sampler recorded. Everything is made of DOM nodes and textContent: token text is never markup.
const SVG = new Set(["svg", "g", "rect", "line", "path", "text", "circle", "defs", "pattern", "title"]);
function el(tag, attributes = {}, ...children) {
  const node = SVG.has(tag) ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter(child => child !== null && child !== undefined));
  return node;
}
const chip = token => token < 0 ? "rest" : run.texts[token][0];
const strong = (text, kind = "") => el("b", {class: kind}, text);
function number(x, digits = 3) { return x === 0 || x === 1 ? String(x) : x < 0.5 * 10 ** -digits ? "<" + (10 ** -digits).toFixed(digits) : x.toFixed(digits); }
function apart(a, b) { // enough digits to see which of two numbers is larger
  for (let digits = 3; digits < 17; digits++) if (a.toFixed(digits) !== b.toFixed(digits) || a === b) return [a.toFixed(digits), b.toFixed(digits)];
  return [String(a), String(b)];
}
function hatches() {
  const hatch = (id, angle, color) => el("pattern", {id, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: `rotate(${angle})`},
    el("rect", {width: 6, height: 6, fill: color, opacity: 0.16}), el("line", {y2: 6, stroke: color, "stroke-width": 2.4}));
  const dots = el("pattern", {id: "hb", width: 5, height: 5, patternUnits: "userSpaceOnUse"},
    el("rect", {width: 5, height: 5, fill: "var(--bonus)", opacity: 0.2}), el("circle", {cx: 2.5, cy: 2.5, r: 1.3, fill: "var(--bonus)"}));
  return el("defs", {}, hatch("hq", 45, "var(--drafted)"), hatch("hp", -45, "var(--correction)"), hatch("hf", 45, "color-mix(in srgb, var(--rejected) 45%, transparent)"), dots);
}
const picture = (width, height, label, ...children) =>
  el("svg", {width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label}, hatches(), ...children);
const swatch = kind => el("svg", {viewBox: "0 0 15 11", "aria-hidden": "true"}, hatches(), el("rect", {class: kind, x: 1, y: 1, width: 13, height: 9}));
const key = entries => el("div", {class: "key"}, entries.map(([kind, text]) => el("span", {}, swatch(kind), text)));

// --- pictures ------------------------------------------------------------------------------------------------------
// A column is stacked from its base: what p and q share, then what only one of them has.
function parts(row, i, mode) {
  if (mode === "q") return [["qx", row.q[i]]];
  if (mode === "r") return [["px", row.r[i]]];
  if (mode === "p") return [["bx", row.p[i]]];
  return [["both", row.both[i]], ["qx", row.q[i] - row.both[i]], ["px", row.p[i] - row.both[i]]];
}
// The tallest column. The rest is of many tokens, so that all three parts may be there: it is taller than its p and its q.
const tallest = (row, mode) => Math.max(0.02, ...row.token.map((_, i) => parts(row, i, mode).reduce((sum, [, size]) => sum + size, 0)));
const values = (row, i, mode) => mode === "pq" || mode === "excess" ? `p ${number(row.p[i], 2)}  q ${number(row.q[i], 2)}` :
  `${{q: "q", p: "p", r: "r"}[mode]} ${number(row[mode][i], 2)}`;
const describe = (row, mode) => row.token.map((token, i) => `${chip(token)}: ${values(row, i, mode)}`).join("; ");
function bars(row, width, mode, hit = null) {
  const n = row.token.length, top = tallest(row, mode);
  return width < 560 ? lying(row, width, mode, hit, n, top) : standing(row, width, mode, hit, n, top);
}
const faded = (mode, kind) => mode === "excess" && kind !== "px" ? 0.22 : 1;
function standing(row, width, mode, hit, n, top) {
  const left = 36, base = 168, room = (width - left) / n, w = Math.min(46, room * 0.62), scale = (base - 14) / top, marks = [];
  for (const tick of [0, top / 2, top]) marks.push(el("line", {class: "axis", x1: left, x2: width, y1: base - tick * scale, y2: base - tick * scale}),
    el("text", {class: "m", x: left - 5, y: base - tick * scale + 4, "text-anchor": "end"}, tick ? tick.toFixed(2) : "0"));
  for (let i = 0; i < n; i++) {
    const middle = left + (i + 0.5) * room; let y = base;
    for (const [kind, size] of parts(row, i, mode)) if (size > 0) marks.push(el("rect", {class: kind, opacity: faded(mode, kind), x: middle - w / 2, width: w, y: y -= size * scale, height: size * scale}));
    if (row.token[i] === hit) marks.push(el("rect", {class: "frame", x: middle - w / 2 - 5, width: w + 10, y: 5, height: base - 2, rx: 6}));
    marks.push(el("text", {class: "t" + (row.token[i] === hit ? " hit" : ""), x: middle, y: base + 18, "text-anchor": "middle"}, short(chip(row.token[i]), room / 8)));
    values(row, i, mode).split("  ").forEach((text, line) => marks.push(el("text", {class: "m", x: middle, y: base + 33 + 13 * line, "text-anchor": "middle"}, text)));
  }
  return picture(width, base + (mode === "pq" || mode === "excess" ? 52 : 39), describe(row, mode), ...marks);
}
function lying(row, width, mode, hit, n, top) {
  const left = 62, right = mode === "pq" || mode === "excess" ? 104 : 54, scale = (width - left - right) / top, marks = [];
  for (let i = 0; i < n; i++) {
    const y = 4 + 26 * i; let x = left;
    for (const [kind, size] of parts(row, i, mode)) if (size > 0) { marks.push(el("rect", {class: kind, opacity: faded(mode, kind), x, width: size * scale, y: y + 4, height: 15})); x += size * scale; }
    if (row.token[i] === hit) marks.push(el("rect", {class: "frame", x: 1, width: width - 2, y, height: 23, rx: 5}));
    marks.push(el("text", {class: "t" + (row.token[i] === hit ? " hit" : ""), x: left - 7, y: y + 16, "text-anchor": "end"}, short(chip(row.token[i]), 6)),
      el("text", {class: "m", x: width - 5, y: y + 15, "text-anchor": "end"}, values(row, i, mode).replace("  ", " · ")));
  }
  return picture(width, 26 * n + 8, describe(row, mode), el("line", {class: "axis", x1: left, x2: left, y1: 2, y2: 26 * n + 4}), ...marks);
}
const short = (text, room) => [...text].length > Math.max(2, room) ? [...text].slice(0, Math.max(1, Math.floor(room) - 1)).join("") + "…" : text;
// A uniform number on the line from 0 to 1, which is cut into zones
function line(width, u, zones, label) {
  const left = 12, x = v => left + Math.min(v, 1) * (width - 2 * left), at = x(u), marks = [];
  for (const {from, to, kind, text} of zones) {
    marks.push(el("rect", {class: kind, x: x(from), width: Math.max(x(to) - x(from), 0.5), y: 24, height: 20}));
    if (text && x(to) - x(from) > 8 * [...text].length + 6) marks.push(el("text", {x: (x(from) + x(to)) / 2, y: 38, class: "over", "text-anchor": "middle"}, text));
  }
  const anchor = at > width - 90 ? "end" : "start";
  marks.push(el("rect", {x: left, width: width - 2 * left, y: 24, height: 20, fill: "none", class: "axis"}), el("path", {class: "needle", d: `M${at} 22l-5 -9h10z`}),
    el("line", {class: "needle", x1: at, x2: at, y1: 18, y2: 48}), el("text", {class: "u", x: at + (anchor === "end" ? -9 : 9), y: 18, "text-anchor": anchor}, `u = ${number(u)}`),
    el("text", {class: "m", x: left, y: 60}, "0"), el("text", {class: "m", x: width - left, y: 60, "text-anchor": "end"}, "1"));
  return picture(width, 66, label, ...marks);
}
function pickLine(width, u, row, name, hit) {
  const zones = row[name].map(([from, to], i) => ({from, to, text: chip(row.token[i]), kind: "zone" + (row.token[i] === hit ? " hit" : "")})).filter(zone => zone.to > zone.from);
  return line(width, u, zones.sort((a, b) => a.kind.length - b.kind.length), `u = ${number(u)} falls on the stretch of ${chip(hit)}`);
}
const testLine = (width, u, a) => line(width, u, [{from: 0, to: a, kind: "pass", text: "accept"}, {from: a, to: 1, kind: "fail", text: "reject"}].filter(zone => zone.to > zone.from), `u = ${number(u)}, accepted below ${number(a)}`);
function lane(width, at, go) { // the whole run, one column a round
  const rounds = run.rounds, top = Math.max(...rounds.map(r => r.drafts.length + 1)), w = Math.max(9, Math.min(24, (width - 2) / rounds.length)), h = 9, cells = [];
  rounds.forEach((round, r) => {
    const group = el("g", {opacity: r > at.r ? 0.35 : 1, click: () => go(r)}, el("title", {}, `round ${r + 1}: ${round.emitted.length} tokens`), el("rect", {x: r * w, y: 0, width: w, height: h * top + 8, fill: "transparent"}));
    for (let k = 0; k <= round.drafts.length; k++) {
      const source = round.sources[k], box = {x: r * w + 1.5, width: w - 3, y: 3 + h * (top - 1 - k), height: h - 2, rx: 1.5};
      if (source) group.append(el("rect", {class: {accepted: "accepted", correction: "px", bonus: "bx"}[source], ...box}));
      else if (k < round.drafts.length) group.append(el("rect", {class: "lost", ...box}));
    }
    if (r === at.r) group.append(el("rect", {class: "frame", x: r * w + 0.5, y: 1, width: w - 1, height: h * top + 4, rx: 3}));
    cells.push(group);
  });
  return picture(Math.max(rounds.length * w + 2, 20), h * top + 8, `${rounds.length} rounds; round ${at.r + 1} emitted ${rounds[at.r].emitted.length} tokens`, ...cells);
}

// --- steps ---------------------------------------------------------------------------------------------------------
const steps = [], starts = [];
run.rounds.forEach((round, r) => {
  starts.push(steps.length);
  const K = round.drafts.length;
  if (!round.rows && K) steps.push({r, kind: "drafts", i: K - 1});
  if (round.rows) for (let i = 0; i < K; i++) steps.push({r, kind: "draft", i});
  if (round.rows) steps.push({r, kind: "verify", i: K});
  for (let i = 0; i < round.n_tested; i++) steps.push({r, kind: "test", i});
  if (round.sources.at(-1) !== "accepted") steps.push({r, kind: "emit", i: round.n_accepted});
  steps.push({r, kind: "done", i: K});
});
const order = ["drafts", "draft", "verify", "test", "emit", "done"], rank = step => order.indexOf(step.kind);
function stateOf(round, step, i) { // what has become of draft i by this step
  if (rank(step) <= 1) return i > step.i ? "empty" : i === step.i && step.kind === "draft" ? "drafted active" : "drafted";
  if (step.kind === "verify") return "drafted";
  if (step.kind === "test" && i >= step.i) return i > step.i ? "drafted" : (i < round.n_accepted ? "accepted" : "rejected") + " active";
  return i < round.n_accepted ? "accepted" : i === round.n_accepted ? "rejected" : "discarded";
}
const WORDS = {empty: "not yet", drafted: "drafted", accepted: "✓ accepted", rejected: "✗ rejected", discarded: "– discarded"};
function slots(round, step) {
  const cards = round.drafts.map((token, i) => {
    const state = stateOf(round, step, i), known = !state.startsWith("empty");
    return el("div", {class: "slot " + state, "data-slot": state}, el("small", {}, `draft ${i + 1}`), el("b", {}, known ? chip(token) : " "), el("small", {}, WORDS[state.split(" ")[0]]));
  });
  const source = round.sources.at(-1), shown = source !== "accepted" && rank(step) >= 4;
  if (round.n_declined) cards.push(el("div", {class: "slot empty", "data-declined": round.n_declined}, el("small", {}, "declined"), el("b", {}, `${round.n_declined} ×`), el("small", {}, "not drafted")));
  if (source !== "accepted") cards.push(el("span", {class: "plus", "aria-hidden": "true"}, "+"),
    el("div", {class: "slot " + (shown ? source + (step.kind === "emit" ? " active" : "") : "empty")}, el("small", {}, "from the target"), el("b", {}, shown ? chip(round.emitted.at(-1)) : " "), el("small", {}, shown ? source : "still open")));
  return cards;
}
const PQ = [["both", "min(p, q): accepted mass"], ["qx", "q − p: drafted too often"], ["px", "p − q: what the residual is made of"]];
function story(step, width) {
  const round = run.rounds[step.r], K = round.drafts.length, i = step.i, row = round.rows && round.rows[i], x = round.drafts[i], u = round.u;
  const u_test = u[(u.length - 1) / 2 + i], declined = round.n_declined ? ` The source declined ${K ? `the other ${round.n_declined}` : "to draft"}.` : ""; // their numbers stay unused
  const token = t => strong(`“${chip(t)}”`);
  if (step.kind === "drafts") return {head: `The draft model proposes ${K} tokens`, say: ["One small pass each. The rows of p and q were not recorded; generate(…, keep_rows=True) records them.", declined], art: []};
  if (step.kind === "draft") return {head: `Draft ${i + 1} of ${K}: a small pass gives q`,
    say: ["The draft model's distribution q at this position. Its uniform number, ", `u = ${number(u[i])}, falls on the stretch of `, token(x), ` on the line from 0 to 1, where each token is as long as it is probable: q = ${number(round.q[i])}.`],
    art: [pickLine(width, u[i], row, "q_pick", x), bars(row, width, "q", x), key([["qx", "q, the draft's distribution"]])]};
  if (step.kind === "verify") return {head: `One target pass reads ${K ? "all drafts" : "the text"}: ${K + 1} row${K ? "s" : ""} of p`,
    say: [K ? "The large model gives its distribution p at every drafted position and at the one after. Where p and q overlap much (β = Σ min(p, q)), the draft is likely to stay." : "Nothing was drafted: this is a round of plain autoregressive sampling.", declined],
    art: [el("div", {class: "small"}, round.rows.map((r, k) => mini(r, k, round, step.r)))].concat([key(K ? [...PQ, ["bx", "p where nothing was drafted"]] : [["bx", "p"]])])};
  if (step.kind === "test") {
    const a = round.accept[i], kept = i < round.n_accepted, [su, sa] = apart(u_test, a);
    return {head: [`Test ${i + 1}: does “${chip(x)}” stay?`], say: [`Accept with probability min(1, p/q) = min(1, ${number(round.p[i])} / ${number(round.q[i])}) = `, strong(number(a)), ". ",
      kept ? strong(`u = ${su} < ${sa}: accepted.`, "yes") : strong(`u = ${su} ≥ ${sa}: rejected.`, "no"),
      kept ? (i + 1 < K ? " On to the next draft." : " That was the last draft.") : K - i - 1 ? ` The ${K - i - 1} after it are discarded untested.` : ""],
      art: [testLine(width, u_test, a), ...(row ? [bars(row, width, "pq", x), key(PQ)] : [])]};
  }
  if (step.kind === "emit") {
    const bonus = i === K, t = round.emitted.at(-1), U = number(u.at(-1));
    const why = bonus ? (K ? [`All ${K} drafts stayed, and the target's pass already holds p at the next position: one more token for nothing. `] : ["The target's own p gives the token. "]) :
      ["The draft was wrong here, so draw where the target wants more than was drafted: the residual, max(0, p − q)", row ? `, divided by its sum ${number(row.excess)}. ` : " divided by its sum. "];
    const art = !row ? [] : bonus ? [pickLine(width, u.at(-1), row, "r_pick", t), bars(row, width, "p", t), key([["bx", "p, the target's distribution"]])] :
      [bars(row, width, "excess", null), key(PQ), pickLine(width, u.at(-1), row, "r_pick", t), bars(row, width, "r", t), key([["px", "r = residual, sums to 1"]])];
    return {head: bonus ? (K ? "Bonus: one token more, from p" : "One token from p") : `Correction at position ${i + 1}: draw from the residual`, say: [...why, `u = ${U} picks `, token(t), "."], art};
  }
  const n = round.emitted.length, stop = round.sources.at(-1) === "accepted";
  return {head: `Round ${step.r + 1} is over: ${n} token${n > 1 ? "s" : ""} from one target pass`,
    say: [`${round.n_accepted} of ${K} drafts accepted`, stop ? `; a stop token ended the text after ${n} of them. ` : ` and one ${round.sources.at(-1)} token. `, "Both caches roll back to what was kept. The text is distributed exactly as if the target had sampled every token."], art: []};
}
function mini(row, k, round, r) {
  const n = row.token.length, w = 112, h = 46, mode = row.q ? "pq" : "p", top = tallest(row, mode), room = w / n, marks = [];
  for (let i = 0; i < n; i++) { let y = h; for (const [kind, size] of parts(row, i, mode)) if (size > 0) marks.push(el("rect", {class: kind, x: (i + 0.12) * room, width: room * 0.76, y: y -= size / top * h, height: size / top * h})); }
  const target = steps.findIndex(s => s.r === r && (s.kind === "test" || s.kind === "emit") && s.i === k);
  return el("button", {disabled: target < 0, click: () => show(target)}, picture(w, h + 2, describe(row, mode), ...marks),
    row.q ? ["draft ", strong(chip(round.drafts[k]))] : "after the last", el("br"), el("small", {}, row.q ? `overlap β = ${number(row.beta, 2)}` : "p alone"));
}

// --- the page ------------------------------------------------------------------------------------------------------
let at = 0, width = 700, root, parts_ = {};
function flow(step) {
  const round = run.rounds[step.r], from = Math.max(0, run.prompt.length - 400), spans = from ? [el("span", {class: "prompt"}, "… ")] : [];
  run.prompt.slice(from).forEach(token => spans.push(el("span", {class: "prompt"}, run.texts[token][1])));
  run.rounds.slice(0, step.r).forEach(past => past.emitted.forEach((token, k) => spans.push(el("span", {class: past.sources[k]}, run.texts[token][1]))));
  const known = step.kind === "done" || step.kind === "emit" ? round.emitted.length : step.kind === "test" ? Math.min(step.i + 1, round.n_accepted, round.emitted.length) : 0;
  round.emitted.slice(0, known).forEach((token, k) => spans.push(el("span", {class: round.sources[k] + " fresh"}, run.texts[token][1])));
  spans.push(el("span", {class: "caret", "aria-hidden": "true"}));
  return spans;
}
function cache(name, lengths, read, kept, is_done) { // what was recorded before and after; the cells are this round's drafts
  const cells = Array.from({length: read}, (_, k) => el("i", {class: is_done && k >= kept ? "out" : ""}));
  return el("tr", {}, el("th", {scope: "row"}, name), el("td", {}, is_done ? `${lengths[0]} → ${lengths[1]} tokens` : `${lengths[0]} tokens`), el("td", {class: "cells", "aria-hidden": "true"}, is_done ? cells : ""), el("td", {}, is_done ? `${Math.max(0, Math.min(kept, read))} of ${read} drafts kept` : ""));
}
function facts(step) {
  const round = run.rounds[step.r], K = round.drafts.length, done = step.kind === "done", seen = done ? round.so_far : step.r ? run.rounds[step.r - 1].so_far : null;
  const rate = x => x === null || x === undefined ? "–" : x.toFixed(3), row = (name, value) => el("tr", {}, el("th", {scope: "row"}, name), el("td", {}, value));
  return [el("div", {}, el("h4", {}, `After ${seen ? seen.rounds : 0} of ${run.rounds.length} rounds`), el("table", {},
      row("tokens", seen ? `${seen.tokens} in ${seen.rounds} target passes` : "0"), row("tokens per target pass", seen ? rate(seen.tokens_per_target_pass) : "–"),
      row("acceptance rate α", seen ? `${rate(seen.acceptance_rate)} (${seen.accepted} of ${seen.tested} tested)` : "–"))),
    el("div", {}, el("h4", {}, done ? "Caches, rolled back" : "Caches, when the round began"), el("table", {},
      cache("target", round.target_length, K, round.n_accepted, done), cache("draft", round.draft_length, round.n_declined ? K : Math.max(K - 1, 0), round.n_accepted, done)))];
}
function show(step) {
  at = Math.max(0, Math.min(steps.length - 1, step));
  const now = steps[at], told = story(now, width), p = parts_;
  p.flow.replaceChildren(...flow(now)); p.lane.replaceChildren(lane(width, now, r => show(starts[r])));
  p.slots.replaceChildren(...slots(run.rounds[now.r], now)); p.head.replaceChildren(...[told.head].flat()); p.say.replaceChildren(...told.say);
  p.art.replaceChildren(...told.art); p.facts.replaceChildren(...facts(now));
  p.range.value = at; p.range.setAttribute("aria-valuetext", `step ${at + 1} of ${steps.length}, round ${now.r + 1}`); p.count.textContent = `${at + 1} / ${steps.length}`;
  p.back.disabled = p.before.disabled = at === 0; p.next.disabled = p.after.disabled = at === steps.length - 1;
  p.flow.scrollTop = p.flow.scrollHeight;
  grow(p.now); grow(p.flow);
  const frame = p.lane.firstChild.getBoundingClientRect().width * (now.r / run.rounds.length); p.lane.scrollLeft = frame - width / 2;
  p.box.dataset.step = at;
}
// What is shown changes its size with every step. Its frame is as high as the highest so far, from the start as high as
// the highest of some steps of every kind: what stands below the frame does not move, nor does the page when it is scrolled.
const grow = frame => { if (frame.offsetHeight > parseFloat(frame.style.minHeight || 0)) frame.style.minHeight = `${frame.offsetHeight}px`; };
function reserve() {
  const kinds = {};
  steps.forEach((step, s) => (kinds[step.kind + (step.kind === "emit" && step.i === run.rounds[step.r].drafts.length)] ??= []).push(s));
  parts_.now.style.minHeight = parts_.flow.style.minHeight = "";
  const kept = at, some = Object.values(kinds).flatMap(of => of.filter((_, k) => k % Math.ceil(of.length / 6) === 0));
  [...some, steps.length - 1, kept].forEach(show);
}
const round = by => { const r = steps[at].r + by; show(by < 0 && at > starts[steps[at].r] ? starts[steps[at].r] : r < 0 ? 0 : r < starts.length ? starts[r] : steps.length - 1); };
const KEYS = {ArrowRight: () => show(at + 1), ArrowLeft: () => show(at - 1), ArrowDown: () => round(1), ArrowUp: () => round(-1), Home: () => show(0), End: () => show(steps.length - 1)};
function press(event) {
  if (!KEYS[event.key] || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault(); event.stopPropagation(); KEYS[event.key]();
}
function build() {
  const p = parts_ = {flow: el("div", {class: "flow", role: "group", "aria-label": "the text so far", tabindex: 0}), lane: el("div", {class: "lane"}), slots: el("div", {class: "slots", role: "group", "aria-label": "this round's tokens"}), head: el("h3"), say: el("p"), art: el("div", {class: "art"}), facts: el("div", {class: "facts"}),
    range: el("input", {type: "range", min: 0, max: steps.length - 1, "aria-label": "step", input: event => show(+event.target.value)}), count: el("span", {class: "count"}),
    before: el("button", {"aria-label": "previous round", title: "previous round", click: () => round(-1)}, "« round"), back: el("button", {"aria-label": "previous step", click: () => show(at - 1)}, "◀ back"),
    next: el("button", {class: "next", "aria-label": "next step", click: () => show(at + 1)}, "next ▶"), after: el("button", {"aria-label": "next round", title: "next round", click: () => round(1)}, "round »")};
  p.now = el("div", {class: "now"}, p.slots, el("div", {class: "say", "aria-live": "polite", "aria-atomic": "true"}, p.head, p.say), p.art);
  p.box = el("section", {class: "box", tabindex: 0, role: "group", "aria-label": "A speculative sampling run, step by step. Arrow keys move.", keydown: press},
    el("nav", {"aria-label": "steps"}, p.before, p.back, p.next, p.after, p.range, p.count, el("span", {class: "keys"}, "← → step   ↑ ↓ round   Home End")),
    el("header", {}, p.flow, p.lane, key([["accepted", "accepted draft"], ["px", "correction"], ["bx", "bonus"], ["lost", "drafted in vain"]])),
    p.now, p.facts);
  return p.box;
}
function theme(host) { // the page's own choice where it states one, else the system's
  const body = document.body.dataset, classes = document.body.classList, system = matchMedia("(prefers-color-scheme: dark)").matches;
  const dark = body.jpThemeLight !== undefined ? body.jpThemeLight === "false" : body.theme === "dark" || body.theme === "light" ? body.theme === "dark" : classes.contains("vscode-dark") || (!classes.contains("vscode-light") && system);
  host.dataset.theme = dark ? "dark" : "light";
}
for (const host of document.querySelectorAll(`[data-specsample="${mark}"]`)) {
  if (host.shadowRoot || !steps.length) continue;
  root = host.attachShadow({mode: "open"});
  root.append(el("style", {}, style), build());
  const paint = () => theme(host);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  new MutationObserver(paint).observe(document.body, {attributes: true});
  paint();
  const fit = () => { const free = Math.floor(parts_.art.getBoundingClientRect().width); if (free > 0 && (free !== width || parts_.box.dataset.step === undefined)) { width = free; reserve(); } };
  new ResizeObserver(fit).observe(host);
  fit();
  if (parts_.box.dataset.step === undefined) show(0);
  if (host.hasAttribute("data-alone")) { // a page of its own: keys work at once, and wherever one has clicked
    document.addEventListener("keydown", press);
    parts_.box.focus({preventScroll: true});
  }
  break; // the same run shown twice has two scripts, one for each place
}
})
