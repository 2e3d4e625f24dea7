// --- pictures --------------------------------------------------------------------------------------------------------
// A column is stacked from its base: what p and q share, then what only one of them has.
function parts(row, i, mode) {
  if (mode === "q") return [["qx", row.q[i]]];
  if (mode === "r") return [["px", row.r[i]]];
  if (mode === "p") return [["bx", row.p[i]]];
  return [["both", row.both[i]], ["qx", row.q[i] - row.both[i]], ["px", row.p[i] - row.both[i]]];
}
const is_both = mode => mode === "pq" || mode === "excess";
// The tallest column. The rest is of many tokens, so that all three parts may be there: it is taller than its p and its q.
const tallest = (row, mode) => Math.max(0.02, ...row.token.map((_, i) => parts(row, i, mode).reduce((sum, [, size]) => sum + size, 0)));
const values = (row, i, mode) => is_both(mode) ? `p ${number(row.p[i], 2)}  q ${number(row.q[i], 2)}` :
  `${mode} ${number(row[mode][i], 2)}`;
const describe = (row, mode) => row.token.map((token, i) => `${chip(token)}: ${values(row, i, mode)}`).join("; ");
const faded = (mode, kind) => mode === "excess" && kind !== "px" ? 0.22 : 1;
const bars = (row, width, mode, hit = null, is_one_of_two = false) =>
  (width < 560 ? lying : standing)(row, width, mode, hit, is_one_of_two);
function standing(row, width, mode, hit, is_one_of_two) {
  const n = row.token.length, top = tallest(row, mode), left = 36, base = is_one_of_two ? 118 : 196;
  const room = (width - left) / n, w = Math.min(46, room * 0.62), scale = (base - 14) / top, marks = [];
  const step = [0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5].find(size => top / size <= (is_one_of_two ? 3 : 5));
  for (let k = 0; k * step <= top * 1.0001; k++) {
    const tick = k * step, y = base - tick * scale;
    marks.push(el("line", {class: "axis", x1: left, x2: width, y1: y, y2: y}),
      el("text", {class: "m", x: left - 5, y: y + 4, "text-anchor": "end"}, String(+tick.toFixed(3))));
  }
  for (let i = 0; i < n; i++) {
    const middle = left + (i + 0.5) * room, is_hit = row.token[i] === hit;
    let y = base;
    for (const [kind, size] of parts(row, i, mode)) if (size > 0) marks.push(el("rect", {class: kind, opacity: faded(mode, kind),
      x: middle - w / 2, width: w, y: y -= size * scale, height: size * scale}));
    if (is_hit) marks.push(el("rect", {class: "frame", x: middle - w / 2 - 5, width: w + 10, y: 5, height: base - 2, rx: 6}));
    marks.push(el("text", {class: "t" + (is_hit ? " hit" : ""), x: middle, y: base + 18, "text-anchor": "middle"}, short(chip(row.token[i]), room / 8)));
    values(row, i, mode).split("  ").forEach((text, line) =>
      marks.push(el("text", {class: "m", x: middle, y: base + 33 + 13 * line, "text-anchor": "middle"}, text)));
  }
  return picture(width, base + (is_both(mode) ? 52 : 39), describe(row, mode), ...marks);
}
function lying(row, width, mode, hit, is_one_of_two) {
  const n = row.token.length, step = is_one_of_two ? 21 : 26, h = step - 3;
  const left = 62, right = is_both(mode) ? 104 : 54, scale = (width - left - right) / tallest(row, mode), marks = [];
  for (let i = 0; i < n; i++) {
    const y = 4 + step * i, is_hit = row.token[i] === hit;
    let x = left;
    for (const [kind, size] of parts(row, i, mode)) if (size > 0) {
      marks.push(el("rect", {class: kind, opacity: faded(mode, kind), x, width: size * scale, y: y + 3, height: h - 6}));
      x += size * scale;
    }
    if (is_hit) marks.push(el("rect", {class: "frame", x: 1, width: width - 2, y, height: h, rx: 5}));
    marks.push(el("text", {class: "t" + (is_hit ? " hit" : ""), x: left - 7, y: y + h / 2 + 4.5, "text-anchor": "end"}, short(chip(row.token[i]), 6)),
      el("text", {class: "m", x: width - 5, y: y + h / 2 + 4, "text-anchor": "end"}, values(row, i, mode).replace("  ", " · ")));
  }
  return picture(width, step * n + 8, describe(row, mode), el("line", {class: "axis", x1: left, x2: left, y1: 2, y2: step * n + 4}), ...marks);
}
// A uniform number on the line from 0 to 1, which is cut into zones
function line(width, u, zones, label) {
  const left = 12, x = v => left + Math.min(v, 1) * (width - 2 * left), at = x(u), marks = [];
  for (const {from, to, kind, text} of zones) {
    marks.push(el("rect", {class: kind, x: x(from), width: Math.max(x(to) - x(from), 0.5), y: 24, height: 20}));
    if (text && x(to) - x(from) > 8 * [...text].length + 6) {
      marks.push(el("text", {x: (x(from) + x(to)) / 2, y: 38, class: "over", "text-anchor": "middle"}, text));
    }
  }
  const anchor = at > width - 90 ? "end" : "start";
  marks.push(el("rect", {x: left, width: width - 2 * left, y: 24, height: 20, fill: "none", class: "axis"}),
    el("path", {class: "needle", d: `M${at} 22l-5 -9h10z`}), el("line", {class: "needle", x1: at, x2: at, y1: 18, y2: 48}),
    el("text", {class: "u", x: at + (anchor === "end" ? -9 : 9), y: 18, "text-anchor": anchor}, `u = ${number(u)}`),
    el("text", {class: "m", x: left, y: 60}, "0"), el("text", {class: "m", x: width - left, y: 60, "text-anchor": "end"}, "1"));
  return picture(width, 66, label, ...marks);
}
function pickLine(width, u, row, name, hit) {
  const zones = row[`${name}_from`].map((from, i) => ({from, to: from + row[name][i], text: chip(row.token[i]), kind: "zone" + (row.token[i] === hit ? " hit" : "")}));
  const drawn = zones.filter(zone => zone.to > zone.from).sort((a, b) => a.kind.length - b.kind.length); // the one hit above the others
  return line(width, u, drawn, `u = ${number(u)} falls on the stretch of ${chip(hit)}`);
}
const testZones = a => [{from: 0, to: a, kind: "pass", text: "accept"}, {from: a, to: 1, kind: "fail", text: "reject"}]
  .filter(zone => zone.to > zone.from);
const testLine = (width, u, a) => line(width, u, testZones(a), `u = ${number(u)}, accepted below ${number(a)}`);
function smallLine(width, u, a) { // the same in a row of a table
  const marks = testZones(a).map(({from, to, kind}) => el("rect", {class: kind, x: from * width, width: (to - from) * width, y: 4, height: 10}));
  return picture(width, 18, `u = ${number(u)}, accepted below ${number(a)}`, ...marks,
    el("line", {class: "needle", x1: u * width, x2: u * width, y1: 0, y2: 18}));
}
const CELLS = {accepted: "accepted", correction: "px", bonus: "bx"};
function lane(width, at, go) { // the whole run, one column a round
  const rounds = run.rounds, top = Math.max(...rounds.map(r => r.drafts.length + 1)), h = 9, cells = [];
  const w = Math.max(9, Math.min(24, (width - 2) / rounds.length));
  rounds.forEach((round, r) => {
    const group = el("g", {opacity: r > at.r ? 0.4 : 1, click: () => go(r)},
      el("title", {}, `round ${r + 1}: ${plural(round.emitted.length, "token")}`),
      el("rect", {x: r * w, y: 0, width: w, height: h * top + 8, fill: "transparent"}));
    for (let k = 0; k <= round.drafts.length; k++) {
      const source = round.sources[k], box = {x: r * w + 1.5, width: w - 3, y: 3 + h * (top - 1 - k), height: h - 2, rx: 1.5};
      if (source) group.append(el("rect", {class: CELLS[source], ...box}));
      else if (k < round.drafts.length) group.append(el("rect", {class: "lost", ...box}));
    }
    if (r === at.r) group.append(el("rect", {class: "frame", x: r * w + 0.5, y: 1, width: w - 1, height: h * top + 4, rx: 3}));
    cells.push(group);
  });
  const label = `${plural(rounds.length, "round")}; round ${at.r + 1} emitted ${plural(rounds[at.r].emitted.length, "token")}`;
  return picture(Math.max(rounds.length * w + 2, 20), h * top + 8, label, ...cells);
}

