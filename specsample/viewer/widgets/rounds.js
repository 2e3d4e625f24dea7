// --- a round, played again -------------------------------------------------------------------------------------------
const K = run.drafts.length, rows = [];
const name = i => i < K ? `u${i + 1}` : "u_emit";
function pick(row, u) {
  let below = 0;
  for (let x = 0; x < row.length; x++) if (u < (below += row[x])) return x;
  return row.findLastIndex(size => size > 0);
}
function controls() { // a row for each draft and one for the last token: what it is, its line, its slider
  for (let i = 0; i <= K; i++) {
    const [head, line] = [el("p", {class: "head"}), el("div", {})];
    rows.push({head, line, all: el("div", {class: "round"}, head, line, slider(name(i), i < K ? `u of draft ${i + 1}` : "u of the last token", {max: 0.999, step: 0.001, words: number}))});
  }
  return rows.map(row => row.all);
}
function compute() {
  let accepted = 0;
  while (accepted < K && state[name(accepted)] < run.accept[accepted]) accepted++;
  return {accepted, token: pick(run.rows[accepted], state.u_emit), source: accepted < K ? "correction" : "bonus", u: rows.map((_, i) => state[name(i)])};
}
const legend = [["pass", "accept"], ["fail", "reject"], ["zone hit", "the token that is picked"]];
function draw({accepted, token, source}, width) {
  run.drafts.forEach((x, i) => {
    const fate = i < accepted ? "accepted" : i === accepted ? "rejected" : "discarded";
    rows[i].all.dataset.fate = fate;
    rows[i].head.replaceChildren(`draft ${i + 1}: `, strong(chip(x), "t"), ` is ${fate}`, i > accepted ? ", and not tested" : "");
    rows[i].line.replaceChildren(testLine(width, state[name(i)], run.accept[i]));
  });
  const row = run.rows[accepted], token_from = row.map((size, x) => sum(row.slice(0, x + 1)) - size);
  rows[K].all.dataset.fate = source;
  rows[K].head.replaceChildren(`then comes `, strong(chip(token), "t"), `, the ${source}, from ${source === "bonus" ? "the target's last row" : `the residual after ${accepted} accepted`}`);
  rows[K].line.replaceChildren(pickLine(width, state.u_emit, {token: [...row.keys()], r: row, r_from: token_from}, "r", token));
  return [];
}
const say = ({accepted, token, source}) => [`Emitted: `, ...run.drafts.slice(0, accepted).flatMap(x => [strong(chip(x), "t"), " "]), strong(chip(token), "t"), `. ${accepted} accepted and a ${source}: ${plural(accepted + 1, "token")} of one target pass.`];
