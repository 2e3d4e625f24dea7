// --- steps -----------------------------------------------------------------------------------------------------------
const steps = [], starts = [], ends = []; // of each round its first step, and the one that says what was decided
run.rounds.forEach((round, r) => {
  starts.push(steps.length);
  const K = round.drafts.length;
  if (!round.rows && K) steps.push({r, kind: "drafts", i: K - 1});
  if (round.rows) for (let i = 0; i < K; i++) steps.push({r, kind: "draft", i});
  if (round.rows) steps.push({r, kind: "verify", i: K});
  for (let i = 0; i < round.n_tested; i++) steps.push({r, kind: "test", i});
  if (round.sources.at(-1) !== "accepted") steps.push({r, kind: "emit", i: round.n_accepted});
  ends.push(steps.length);
  steps.push({r, kind: "done", i: K});
});
const order = ["drafts", "draft", "verify", "test", "emit", "done"], rank = step => order.indexOf(step.kind);
const READING = {drafts: 1600, draft: 1300, verify: 2400, test: 2000, emit: 2400, done: 2000}; // milliseconds that a step is shown
function stateOf(round, step, i) { // what has become of draft i by this step
  if (rank(step) <= 1) return i > step.i ? "empty" : i === step.i && step.kind === "draft" ? "drafted active" : "drafted";
  if (step.kind === "verify") return "drafted";
  if (step.kind === "test" && i >= step.i) return i > step.i ? "drafted" : (i < round.n_accepted ? "accepted" : "rejected") + " active";
  return i < round.n_accepted ? "accepted" : i === round.n_accepted ? "rejected" : "discarded";
}
const WORDS = {empty: "not yet", drafted: "drafted", accepted: "✓ accepted", rejected: "✗ rejected", discarded: "– discarded"};
// A token that is not yet known takes its room already, unseen and unread: cards do not move when it comes.
function slot(kind, above, text, below, data = {}, is_known = true) {
  return el("div", {class: "slot " + kind, ...data}, el("small", {}, above), el("b", {class: is_known ? "" : "unknown"}, text), el("small", {}, below));
}
function slots(round, step) {
  const cards = round.drafts.map((token, i) => {
    const state = stateOf(round, step, i), is_known = !state.startsWith("empty");
    return slot(state, `draft ${i + 1}`, chip(token), WORDS[state.split(" ")[0]], {"data-slot": state}, is_known);
  });
  const source = round.sources.at(-1), shown = source !== "accepted" && rank(step) >= 4;
  if (round.n_declined) cards.push(slot("empty", "declined", `${round.n_declined} ×`, "not drafted", {"data-declined": round.n_declined}));
  if (source !== "accepted") {
    if (cards.length) cards.push(el("span", {class: "plus", "aria-hidden": "true"}, "+"));
    cards.push(slot(shown ? source + (step.kind === "emit" ? " active" : "") : "empty", "from the target", chip(round.emitted.at(-1)), shown ? source : "still open", {}, shown));
  }
  return cards;
}
const PQ = [["both", "min(p, q): accepted mass"], ["qx", "q − p: drafted too often"], ["px", "p − q: what the residual is made of"]];
const token = t => strong(`“${chip(t)}”`);
const u_test = (round, i) => round.u[(round.u.length - 1) / 2 + i]; // after as many numbers as were to draft, used or not
const STORIES = {
  drafts(step, round) {
    return {head: `The draft model proposes ${plural(round.drafts.length, "token")}`, say: ["One small pass each. The rows of p and q were not recorded; ",
      "generate(…, keep_rows=True) records them.", declined(round)], art: []};
  },
  draft(step, round, width) {
    const i = step.i, x = round.drafts[i], row = round.rows[i].drafted;
    return {head: `Draft ${i + 1} of ${round.drafts.length}: a small pass gives q`,
      say: ["The draft model's distribution q at this position. Its uniform number, ", `u = ${number(round.u[i])}, falls on the stretch of `, token(x),
        ` on the line from 0 to 1, where each token is as long as it is probable: q = ${number(round.q[i])}.`],
      art: [pickLine(width, round.u[i], row, "q", x), bars(row, width, "q", x), key([["qx", "q, the draft's distribution"]])]};
  },
  verify(step, round) {
    const K = round.drafts.length, key_of_p = [["bx", K ? "p where nothing was drafted" : "p"]];
    return {head: `One target pass reads ${K ? "all drafts" : "the text"}: ${plural(K + 1, "row")} of p`,
      say: [K ? "The large model gives its distribution p at every drafted position and at the one after. Where p and q overlap much (β = Σ min(p, q)), the draft is likely to stay." :
        "Nothing was drafted: this is a round of plain autoregressive sampling.", declined(round)],
      art: [el("div", {class: "small"}, round.rows.map((row, k) => mini(row, k, round, step.r))), key(K ? [...PQ, ...key_of_p] : key_of_p)]};
  },
  test(step, round, width) {
    const i = step.i, x = round.drafts[i], row = round.rows && round.rows[i], a = round.accept[i], after = round.drafts.length - i - 1;
    const u = u_test(round, i), is_kept = i < round.n_accepted, [su, sa] = apart(u, a);
    return {head: `Test ${i + 1}: does “${chip(x)}” stay?`,
      say: [`Accept with probability min(1, p/q) = min(1, ${number(round.p[i])} / ${number(round.q[i])}) = `, strong(number(a)), ". ",
        is_kept ? strong(`u = ${su} < ${sa}: accepted.`, "yes") : strong(`u = ${su} ≥ ${sa}: rejected.`, "no"),
        is_kept ? (after ? " On to the next draft." : " That was the last draft.") :
          after > 1 ? ` The ${after} after it are discarded untested.` : after ? " The one after it is discarded untested." : ""],
      art: [testLine(width, u, a), ...(row ? [bars(row, width, "pq", x), key(PQ)] : [])]};
  },
  emit(step, round, width) {
    const i = step.i, K = round.drafts.length, row = round.rows && round.rows[i], is_bonus = i === K, t = round.emitted.at(-1), u = round.u.at(-1);
    const why = !is_bonus ? `The draft was wrong here, so draw where the target wants more than was drafted: the residual, max(0, p\u00a0−\u00a0q), divided by its sum${row ? ` ${number(row.excess)}` : ""}. ` :
      K ? `${K === 1 ? "The draft" : `All ${K} drafts`} stayed, and the target's pass already holds p at the next position: one more token for nothing. ` : "The target's own p gives the token. ";
    const art = !row ? [] : is_bonus ? [pickLine(width, u, row, "r", t), bars(row, width, "p", t), key([["bx", "p, the target's distribution"]])] :
      [bars(row, width, "excess", null, true), key(PQ), pickLine(width, u, row, "r", t), bars(row, width, "r", t, true), key([["px", "r = residual, sums to 1"]])];
    return {head: !is_bonus ? `Correction at position ${i + 1}: draw from the residual` : K ? "Bonus: one token more, from p" : "One token from p",
      say: [why, `u = ${number(u)} picks `, token(t), "."], art};
  },
  done(step, round, width) {
    const n = round.emitted.length, K = round.drafts.length, last = round.sources.at(-1);
    const drafts = K ? `${round.n_accepted} of ${plural(K, "draft")} accepted` : "Nothing was drafted";
    return {head: `What round ${step.r + 1} decided: ${plural(n, "token")} from one target pass`,
      say: [drafts, last === "accepted" ? `; a stop token ended the text after ${n} of them. ` : ` and one ${last} token. `,
        "Both caches roll back to what was kept. The text is distributed exactly as if the target had sampled every token."],
      art: [decided(round, width)]};
  },
};
const story = (step, width) => STORIES[step.kind](step, run.rounds[step.r], width);
const declined = round => !round.n_declined ? "" : // their numbers stay unused
  ` The source declined ${round.drafts.length ? `the other ${round.n_declined}` : "to draft"}.`;
function decided(round, width) { // a line a token: what was compared, and what came of it
  const is_narrow = width < 640, numbers = is_narrow ? [] : ["q", "p"], room = is_narrow ? 80 : Math.max(60, Math.min(300, width - 590));
  const head = ["", "token", ...numbers, is_narrow ? "u and p/q" : "min(1, p/q)", ...(is_narrow ? [] : ["", "u"]), "decided"];
  const done = {kind: "done", i: round.drafts.length};
  const lines = round.drafts.map((x, i) => {
    const state = stateOf(round, done, i), is_tested = i < round.n_tested, a = round.accept[i], [su, sa] = apart(u_test(round, i), a);
    return el("tr", {class: state}, el("th", {scope: "row"}, is_narrow ? `${i + 1}` : `draft ${i + 1}`), el("td", {class: "t"}, short(chip(x), is_narrow ? 8 : 12)),
      numbers.map(name => el("td", {}, number(round[name][i]))), is_narrow ? null : el("td", {}, is_tested ? sa : number(a)),
      el("td", {}, is_tested ? smallLine(room, u_test(round, i), a) : "not tested"), is_narrow ? null : el("td", {}, is_tested ? su : "–"),
      el("td", {class: "fate"}, WORDS[state]));
  });
  const source = round.sources.at(-1);
  if (source !== "accepted") {
    const from = source === "correction" ? "from the residual" : "from p";
    lines.push(el("tr", {class: "from " + source}, el("th", {scope: "row"}, is_narrow ? "+" : "target"), el("td", {class: "t"}, short(chip(round.emitted.at(-1)), is_narrow ? 8 : 12)),
      numbers.map(() => el("td", {})), is_narrow ? null : el("td", {}), el("td", {}, from), is_narrow ? null : el("td", {}, number(round.u.at(-1))), el("td", {class: "fate"}, `+ ${source}`)));
  }
  return el("div", {class: "decided"}, el("table", {}, el("thead", {}, el("tr", {}, head.map(name => el("th", {scope: "col"}, name)))), el("tbody", {}, lines)));
}
function mini(row, k, round, r) {
  const n = row.token.length, w = 112, h = 46, mode = row.q ? "pq" : "p", top = tallest(row, mode), room = w / n, marks = [];
  for (let i = 0; i < n; i++) {
    let y = h;
    for (const [kind, size] of parts(row, i, mode)) if (size > 0) marks.push(el("rect",
      {class: kind, x: (i + 0.12) * room, width: room * 0.76, y: y -= size / top * h, height: size / top * h}));
  }
  const target = steps.findIndex(s => s.r === r && (s.kind === "test" || s.kind === "emit") && s.i === k);
  return el("button", {disabled: target < 0, click: () => go(target)}, picture(w, h + 2, describe(row, mode), ...marks),
    row.q ? ["draft ", strong(chip(round.drafts[k]))] : k ? "after the last" : "what comes next", el("br"), el("small", {}, row.q ? `overlap β = ${number(row.beta, 2)}` : "p alone"));
}

