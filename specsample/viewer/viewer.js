// --- the page --------------------------------------------------------------------------------------------------------
let at = 0, width = 700, timer = 0, ui = {};
function flow(step) {
  const round = run.rounds[step.r], from = Math.max(0, run.prompt.length - 400), spans = from ? [el("span", {class: "prompt"}, "… ")] : [];
  run.prompt.slice(from).forEach(token => spans.push(el("span", {class: "prompt"}, run.texts[token][1])));
  run.rounds.slice(0, step.r).forEach(past => past.emitted.forEach((token, k) => spans.push(el("span", {class: past.sources[k]}, run.texts[token][1]))));
  const known = step.kind === "done" || step.kind === "emit" ? round.emitted.length :
    step.kind === "test" ? Math.min(step.i + 1, round.n_accepted, round.emitted.length) : 0;
  round.emitted.slice(0, known).forEach((token, k) => spans.push(el("span", {class: round.sources[k] + " fresh"}, run.texts[token][1])));
  spans.push(el("span", {class: "caret", "aria-hidden": "true"}));
  return spans;
}
function cache(name, lengths, read, kept, is_done) { // what was recorded before and after; the cells are this round's drafts
  const cells = Array.from({length: read}, (_, k) => el("i", {class: is_done && k >= kept ? "out" : ""}));
  return el("tr", {}, el("th", {scope: "row"}, name), el("td", {}, is_done ? `${lengths[0]} → ${lengths[1]} tokens` : plural(lengths[0], "token")),
    el("td", {class: "cells", "aria-hidden": "true"}, is_done ? cells : ""), el("td", {}, is_done ? `${Math.max(0, Math.min(kept, read))} of ${read} drafts kept` : ""));
}
function facts(step) {
  const round = run.rounds[step.r], K = round.drafts.length, is_done = step.kind === "done";
  const seen = is_done ? round.so_far : step.r ? run.rounds[step.r - 1].so_far : null;
  const rate = x => x === null || x === undefined ? "–" : x.toFixed(3), row = (name, value) => el("tr", {}, el("th", {scope: "row"}, name), el("td", {}, value));
  return [el("div", {}, el("h3", {}, `After ${seen ? seen.rounds : 0} of ${plural(run.rounds.length, "round")}`), el("table", {},
      row("tokens", seen ? `${seen.tokens} in ${plural(seen.rounds, "target pass", "target passes")}` : "0"),
      row("tokens a target pass", seen ? rate(seen.tokens_per_target_pass) : "–"),
      row("acceptance rate α", seen ? `${rate(seen.acceptance_rate)} (${seen.accepted} of ${seen.tested} tested)` : "–"))),
    el("div", {}, el("h3", {}, is_done ? "Caches, rolled back" : "Caches, when the round began"), el("table", {},
      cache("target", round.target_length, K, round.n_accepted, is_done),
      cache("draft", round.draft_length, round.n_declined ? K : Math.max(K - 1, 0), round.n_accepted, is_done)))];
}
function show(step) {
  at = Math.max(0, Math.min(steps.length - 1, step));
  const now = steps[at], told = story(now, width);
  ui.flow.replaceChildren(...flow(now));
  ui.lane.replaceChildren(lane(ui.lane.clientWidth || width, now, r => go(starts[r])));
  ui.slots.replaceChildren(...slots(run.rounds[now.r], now));
  ui.head.textContent = told.head;
  ui.say.replaceChildren(...told.say);
  ui.art.replaceChildren(...told.art);
  ui.facts.replaceChildren(...facts(now));
  ui.range.value = at;
  ui.range.setAttribute("aria-valuetext", `step ${at + 1} of ${steps.length}, round ${now.r + 1}`);
  ui.count.replaceChildren(el("span", {class: "wide"}, `round ${now.r + 1} of ${run.rounds.length}, step `), `${at + 1} / ${steps.length}`);
  ui.back.disabled = ui.before.disabled = at === 0;
  ui.next.disabled = ui.after.disabled = at === steps.length - 1;
  ui.flow.scrollTop = ui.flow.scrollHeight;
  const column = ui.lane.firstChild.getBoundingClientRect().width * (now.r / run.rounds.length);
  ui.lane.scrollLeft = column - ui.lane.clientWidth / 2;
  grow(ui.now);
  grow(ui.flow);
  grow(ui.facts);
  ui.box.dataset.step = at;
}
// What is shown changes its size with every step. Its frame is as high as the highest so far, from the start as high as the
// highest of some steps of every kind: what stands below the frame does not move, nor does the page when it is scrolled.
const grow = frame => {
  if (frame.offsetHeight > parseFloat(frame.style.minHeight || 0)) frame.style.minHeight = `${frame.offsetHeight}px`;
};
function reserve() {
  const kinds = {};
  steps.forEach((step, s) => (kinds[step.kind + (step.kind === "emit" && step.i === run.rounds[step.r].drafts.length)] ??= []).push(s));
  for (const frame of [ui.now, ui.flow, ui.facts]) frame.style.minHeight = "";
  const kept = at, some = Object.values(kinds).flatMap(of => of.filter((_, k) => k % Math.ceil(of.length / 6) === 0));
  [...some, steps.length - 1, kept].forEach(show);
}

// --- moving ----------------------------------------------------------------------------------------------------------
function go(step) { // by hand: what plays stops
  pause();
  show(step);
}
// Skip to what was decided: of this round, if that is not yet shown, else of the next one; or back.
const skipped = by => by > 0 ? ends.find(end => end > at) ?? steps.length - 1 : ends.findLast(end => end < at) ?? 0;
// How long a step is shown, in multiples of the time that it takes to read it; the last shows a round at a time.
const SPEEDS = [["slow", 2], ["normal", 1], ["fast", 0.35], ["rounds", 0.6]];
const speed = () => SPEEDS[ui.speed.selectedIndex];
function play() {
  if (at === steps.length - 1) show(0);
  ui.box.dataset.playing = "";
  ui.say.parentNode.setAttribute("aria-live", "off"); // nobody can listen as fast as it plays
  labelPlay("❚❚", "pause");
  wait();
}
function wait() {
  const [name, factor] = speed();
  clearTimeout(timer);
  timer = setTimeout(() => {
    show(name === "rounds" ? skipped(1) : at + 1);
    at < steps.length - 1 ? wait() : pause();
  }, READING[steps[at].kind] * factor);
}
function pause() {
  clearTimeout(timer);
  if (ui.box.dataset.playing === undefined) return;
  delete ui.box.dataset.playing;
  ui.say.parentNode.setAttribute("aria-live", "polite");
  labelPlay("▶", "play");
}
const labelPlay = (sign, word) => ui.play.replaceChildren(el("span", {"aria-hidden": "true"}, `${sign} `), word);
const toggle = () => ui.box.dataset.playing === undefined ? play() : pause();
const KEYS = {ArrowRight: () => go(at + 1), ArrowLeft: () => go(at - 1), ArrowDown: () => go(skipped(1)), ArrowUp: () => go(skipped(-1)),
  Home: () => go(0), End: () => go(steps.length - 1), " ": toggle};
function press(event) {
  const on = event.composedPath()[0];
  if (!KEYS[event.key] || event.altKey || event.ctrlKey || event.metaKey) return;
  if (on.tagName === "SELECT" || (event.key === " " && on.tagName === "BUTTON")) return; // they have their own use of it
  event.preventDefault();
  event.stopPropagation();
  KEYS[event.key]();
}

// --- making ----------------------------------------------------------------------------------------------------------
function lead() {
  const K = Math.max(...run.rounds.map(round => round.drafts.length + round.n_declined)), seen = run.rounds.at(-1).so_far;
  const how = K ? `A small draft model proposes up to ${plural(K, "token")} a round. The large target model reads them all in one pass, keeps a run of them and adds one token. ` :
    "Nothing is drafted: every pass of the target model gives one token. ";
  return `${how}Here: ${plural(seen.tokens, "token")} in ${plural(seen.rounds, "target pass", "target passes")}.`;
}
function button(label, text, click, kind = "") {
  return el("button", {"aria-label": label, title: label, class: kind, click}, text);
}
const worded = (sign, word) => word.endsWith("»") ? [el("span", {class: "wide"}, word.slice(0, -1)), "»"] : [sign, el("span", {class: "wide"}, word)];
function build(is_alone) {
  const p = ui = {};
  p.flow = el("div", {class: "flow", role: "group", "aria-label": "the text so far", tabindex: 0});
  p.lane = el("div", {class: "lane"});
  p.slots = el("div", {class: "slots", role: "group", "aria-label": "this round's tokens"});
  p.head = el(is_alone ? "h2" : "h3");
  p.say = el("p");
  p.art = el("div", {class: "art"});
  p.facts = el("div", {class: "facts"});
  p.range = el("input", {type: "range", min: 0, max: steps.length - 1, "aria-label": "step", input: event => go(+event.target.value)});
  p.count = el("span", {class: "count"});
  p.before = button("back to what the round before decided", worded("«", " decision"), () => go(skipped(-1)));
  p.back = button("previous step", worded("←", " back"), () => go(at - 1));
  p.play = el("button", {class: "play", click: toggle});
  p.next = button("next step", ["next ", el("span", {"aria-hidden": "true"}, "→")], () => go(at + 1), "next");
  p.after = button("skip to what was decided", worded("", "decision »"), () => go(skipped(1)));
  p.speed = el("select", {"aria-label": "speed", title: "speed", change: () => p.box.dataset.playing === undefined || wait()},
    SPEEDS.map(([name]) => el("option", {selected: name === "normal"}, name)));
  labelPlay("▶", "play");
  p.run = el("div", {class: "run"}, p.flow, p.lane,
    key([["accepted", "accepted draft"], ["px", "correction"], ["bx", "bonus"], ["lost", "drafted in vain"]]));
  p.now = el("div", {class: "now"}, p.slots, el("div", {class: "say", "aria-live": "polite", "aria-atomic": "true"}, p.head, p.say), p.art);
  p.box = el("section", {class: "box", tabindex: 0, role: "group", "aria-label": "A run of speculative sampling, step by step. Arrow keys move, space plays.", keydown: press},
    el("div", {class: "title"}, el(is_alone ? "h1" : "h2", {}, "Speculative sampling, step by step"), el("p", {}, lead())),
    el("nav", {"aria-label": "steps"}, el("div", {class: "buttons"}, p.before, p.back, p.play, p.next, p.after), p.speed, p.range, p.count,
      el("span", {class: "keys"}, "keys: ← → step, ↑ ↓ decision, space play")),
    p.run, p.now, p.facts);
  return p.box;
}
function theme(host) { // the page's own choice where it states one, else the system's
  const body = document.body.dataset, classes = document.body.classList, system = matchMedia("(prefers-color-scheme: dark)").matches;
  const is_dark = body.jpThemeLight !== undefined ? body.jpThemeLight === "false" : body.theme === "dark" || body.theme === "light" ? body.theme === "dark" :
    classes.contains("vscode-dark") || (!classes.contains("vscode-light") && system);
  host.dataset.theme = is_dark ? "dark" : "light";
}
for (const host of document.querySelectorAll(`[data-specsample="${mark}"]`)) {
  if (host.shadowRoot || !steps.length) continue;
  const is_alone = host.hasAttribute("data-alone");
  host.attachShadow({mode: "open"}).append(el("style", {}, style), build(is_alone));
  const paint = () => theme(host);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  new MutationObserver(paint).observe(document.body, {attributes: true});
  paint();
  const fit = () => {
    const free = Math.floor(ui.art.getBoundingClientRect().width);
    if (free > 0 && (free !== width || ui.box.dataset.step === undefined)) {
      width = free;
      reserve();
    }
  };
  new ResizeObserver(fit).observe(host);
  fit();
  if (ui.box.dataset.step === undefined) show(0);
  if (is_alone) { // a page of its own: keys work at once, and wherever one has clicked
    document.addEventListener("keydown", press);
    ui.box.focus({preventScroll: true});
  }
  break; // the same run shown twice has two scripts, one for each place
}
