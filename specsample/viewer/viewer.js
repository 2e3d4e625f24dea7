// --- the page --------------------------------------------------------------------------------------------------------
let view = "steps", at = 0, width = 700, timer = 0, ui = {};
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
function showStep() {
  const now = steps[at], told = story(now, width);
  ui.flow.replaceChildren(...flow(now));
  ui.lane.replaceChildren(lane(ui.lane.clientWidth || width, now, r => go(starts[r])));
  ui.slots.replaceChildren(...slots(run.rounds[now.r], now));
  ui.head.textContent = told.head;
  ui.say.replaceChildren(...told.say);
  ui.art.replaceChildren(...told.art);
  ui.facts.replaceChildren(...facts(now));
  ui.flow.scrollTop = ui.flow.scrollHeight;
  const column = ui.lane.firstChild.getBoundingClientRect().width * (now.r / run.rounds.length);
  ui.lane.scrollLeft = column - ui.lane.clientWidth / 2;
  [ui.now, ui.flow, ui.facts].forEach(grow);
  return [`round ${now.r + 1} of ${run.rounds.length}, step `, `${at + 1} / ${steps.length}`];
}
function showRace() {
  drawRace(moments[at], width);
  if (ui.box.dataset.playing === undefined || at === last()) ui.outcome.textContent = at === last() ? outcome() : "";
  grow(ui.outcome);
  return ["", `${is_measured ? clock(moments[at]) : moments[at].toFixed(1)} of ${clock(total)}`];
}
const last = () => (view === "race" ? moments : steps).length - 1;
function show(step) {
  at = Math.max(0, Math.min(last(), step));
  const [where, count] = view === "race" ? showRace() : showStep();
  ui.range.max = last();
  ui.range.value = at;
  ui.range.setAttribute("aria-valuetext", where + count);
  ui.count.replaceChildren(el("span", {class: "wide"}, where), count);
  widen(ui.count);
  ui.back.disabled = ui.before.disabled = at === 0;
  ui.next.disabled = ui.after.disabled = at === last();
  ui.box.dataset.step = at;
}
// What is shown changes its size with every step. Its frame is as high as the highest so far, from the start as high as the
// highest of some steps of every kind: what stands below the frame does not move, nor does the page when it is scrolled.
const grow = frame => {
  if (frame.offsetHeight > parseFloat(frame.style.minHeight || 0)) frame.style.minHeight = `${frame.offsetHeight}px`;
};
const widen = frame => {
  if (frame.offsetWidth > parseFloat(frame.style.minWidth || 0)) frame.style.minWidth = `${frame.offsetWidth}px`;
};
function reserve() {
  ui.count.style.minWidth = ui.outcome.style.minHeight = "";
  if (view === "race") {
    layRace(width);
    [last(), at].forEach(show);
    return;
  }
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
// Skip to what was decided: of this round, if that is not yet shown, else of the next one; or back. In a race to the end of a round.
function skipped(by) {
  const goals = view === "steps" ? ends : both[1].tokens.map(token => moments.indexOf(token.time));
  return by > 0 ? goals.find(goal => goal > at) ?? last() : goals.findLast(goal => goal < at) ?? 0;
}
// How long a step is shown, in multiples of the time that it takes to read it; the last shows a round at a time.
// How long a race takes, in seconds; none for as long as it took.
const SPEEDS = {steps: [["slow", 2], ["normal", 1], ["fast", 0.35], ["rounds", 0.6]], race: [["slow", 30], ["normal", 12], ["fast", 5], ["real time", 0]]};
const speeds = () => SPEEDS[view].filter(([name]) => is_measured || name !== "real time");
const speed = () => speeds()[ui.speed.selectedIndex];
function play() {
  if (at === last()) show(0);
  ui.box.dataset.playing = "";
  started = performance.now();
  began = view === "race" ? moments[at] : 0;
  ui.say.parentNode.setAttribute("aria-live", "off"); // nobody can listen as fast as it plays
  labelPlay("❚❚", "pause");
  wait();
}
function wait() {
  const [name, factor] = speed();
  clearTimeout(timer);
  if (view === "race") {
    cancelAnimationFrame(timer);
    timer = requestAnimationFrame(race);
    return;
  }
  timer = setTimeout(() => {
    show(name === "rounds" ? skipped(1) : at + 1);
    at < last() ? wait() : pause();
  }, READING[steps[at].kind] * factor);
}
let started = 0, began = 0; // when the race was started, or its speed changed, and where it was then
function race(now) {
  const seconds = speed()[1] || total / 1000, time = Math.min(total, began + Math.max(0, now - started) / 1000 * total / seconds);
  const reached = moments.findLastIndex(moment => moment <= time);
  if (reached !== at) show(reached);
  drawRace(time, width);
  at < last() ? wait() : pause();
}
function pause() {
  clearTimeout(timer);
  cancelAnimationFrame(timer);
  if (ui.box.dataset.playing === undefined) return;
  delete ui.box.dataset.playing;
  ui.say.parentNode.setAttribute("aria-live", "polite");
  labelPlay("▶", "play");
}
const labelPlay = (sign, word) => ui.play.replaceChildren(el("span", {"aria-hidden": "true"}, `${sign} `), word);
const toggle = () => ui.box.dataset.playing === undefined ? play() : pause();
const KEYS = {ArrowRight: () => go(at + 1), ArrowLeft: () => go(at - 1), ArrowDown: () => go(skipped(1)), ArrowUp: () => go(skipped(-1)),
  Home: () => go(0), End: () => go(last()), " ": toggle};
function press(event) {
  const on = event.composedPath()[0];
  if (!KEYS[event.key] || event.altKey || event.ctrlKey || event.metaKey) return;
  if (on.tagName === "SELECT" || (on.tagName === "INPUT" && on !== ui.range) || (event.key === " " && on.tagName === "BUTTON")) return; // they have their own use of it
  event.preventDefault();
  event.stopPropagation();
  KEYS[event.key]();
}

function look(name) { // at the steps or at the race; each begins at its beginning
  pause();
  view = name;
  ui.box.dataset.view = name;
  ui.title.textContent = VIEWS[name].title;
  ui.lead.textContent = VIEWS[name].lead();
  const {unit, back, on} = VIEWS[name];
  ui.before.replaceChildren("«", el("span", {class: "wide"}, ` ${unit}`));
  ui.after.replaceChildren(el("span", {class: "wide"}, `${unit} `), "»");
  for (const [skip, label] of [[ui.before, back], [ui.after, on]]) for (const attribute of ["aria-label", "title"]) skip.setAttribute(attribute, label);
  ui.tabs.forEach(tab => tab.setAttribute("aria-pressed", tab.dataset.view === name));
  ui.speed.replaceChildren(...speeds().map(([speed]) => el("option", {selected: speed === "normal"}, speed)));
  at = 0;
  reserve();
}

// --- making ----------------------------------------------------------------------------------------------------------
function lead() {
  const K = Math.max(...run.rounds.map(round => round.drafts.length + round.n_declined));
  return !K ? "Nothing is drafted: every pass of the target model gives one token." :
    `Each round a small draft model proposes up to ${plural(K, "token")}; the large target model reads them in one pass, keeps a run of them and adds one.`;
}
const VIEWS = {
  steps: {tab: "steps", title: "Speculative sampling, step by step", lead,
    unit: "decision", back: "back to what the round before decided", on: "skip to what was decided"},
  race: {tab: "race", title: "Speculative sampling, a race", lead: () => "The same model goes on with the same text twice, over one axis of time: a pass a token, and with drafts.",
    unit: "round", back: "back to the end of the round before", on: "skip to the end of a round"},
};
function button(label, text, click, kind = "") {
  return el("button", {"aria-label": label, title: label, class: kind, click}, text);
}
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
  p.before = el("button", {class: "skip", click: () => go(skipped(-1))});
  p.back = button("previous step", [el("span", {"aria-hidden": "true"}, "←"), el("span", {class: "wide"}, " back")], () => go(at - 1));
  p.play = el("button", {class: "play", click: toggle});
  p.next = button("next step", ["next ", el("span", {"aria-hidden": "true"}, "→")], () => go(at + 1), "next");
  p.after = el("button", {class: "skip", click: () => go(skipped(1))});
  p.speed = el("select", {"aria-label": "speed", title: "speed", change: () => p.box.dataset.playing === undefined || play()});
  labelPlay("▶", "play");
  p.run = el("div", {class: "run"}, p.flow, p.lane,
    key([["accepted", "accepted draft"], ["px", "correction"], ["bx", "bonus"], ["lost", "drafted in vain"]]));
  p.lanes = el("div", {class: "lanes"});
  p.outcome = el("p", {class: "outcome", "aria-live": "polite"});
  p.race = !may_race ? null : el("div", {class: "race"}, p.lanes, key([["target", "target pass"], ["qx", "draft pass"], ["accepted", "accepted draft"], ["px", "correction"], ["bx", "bonus"]]), p.outcome, note());
  p.title = el(is_alone ? "h1" : "h2");
  p.lead = el("p");
  p.tabs = Object.entries(VIEWS).map(([name, {tab}]) => el("button", {"data-view": name, click: () => look(name)}, tab));
  p.now = el("div", {class: "now"}, p.slots, el("div", {class: "say", "aria-live": "polite", "aria-atomic": "true"}, p.head, p.say), p.art);
  p.box = el("section", {class: "box", tabindex: 0, role: "group", "aria-label": "A run of speculative sampling, step by step. Arrow keys move, space plays.", keydown: press},
    hatches(), el("div", {class: "title"}, p.title, may_race ? el("div", {class: "tabs", role: "group", "aria-label": "view"}, p.tabs) : null, p.lead),
    el("nav", {"aria-label": "steps"}, el("div", {class: "buttons"}, p.before, p.back, p.play, p.next, p.after), el("div", {class: "where"}, p.speed, p.range, p.count),
      el("span", {class: "keys"}, "keys: ← → step, ↑ ↓ skip, space play")),
    p.run, p.now, p.facts, p.race);
  return p.box;
}
const host = steps.length ? place() : undefined;
if (host) {
  const is_alone = host.hasAttribute("data-alone");
  settle(host, build(is_alone));
  width = Math.floor(ui.art.getBoundingClientRect().width) || width;
  look("steps");
  const fit = () => {
    const free = Math.floor((view === "race" ? ui.lanes : ui.art).getBoundingClientRect().width);
    if (free > 0 && free !== width) {
      width = free;
      reserve();
    }
  };
  new ResizeObserver(fit).observe(host);
  fit();
  if (is_alone) { // a page of its own: keys work at once, and wherever one has clicked
    document.addEventListener("keydown", press);
    ui.box.focus({preventScroll: true});
  }
}
