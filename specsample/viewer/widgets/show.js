// --- the widget on its page ------------------------------------------------------------------------------------------
function update() {
  const made = compute();
  painters.forEach(paint => paint());
  ui.art.replaceChildren(...draw(made, width));
  ui.say.replaceChildren(...say(made));
  // what is said may need another line: what stands below does not move back and forth
  if (ui.say.offsetHeight > parseFloat(ui.say.style.minHeight || 0)) ui.say.style.minHeight = `${ui.say.offsetHeight}px`;
  ui.box.dataset.values = JSON.stringify(made);
}
function reset() {
  for (const name of Object.keys(state)) delete state[name];
  set(structuredClone(run.start));
}
function build() {
  ui.art = el("div", {class: "art"});
  ui.say = el("p", {class: "say", "aria-live": "polite"});
  ui.frame = el("div", {class: "frame"}, ui.art);
  ui.box = el("section", {class: "box", role: "group", "aria-label": run.title}, hatches(),
    el("div", {class: "title"}, el("h3", {}, run.title), el("button", {class: "reset", click: reset}, "reset"), el("p", {}, run.lead)),
    el("div", {class: "sliders"}, controls()), ui.frame, legend.length ? key(legend) : null, ui.say);
  return ui.box;
}
function lay() {
  const free = Math.floor(ui.frame.getBoundingClientRect().width);
  if (free <= 0 || free === width) return;
  width = free;
  ui.say.style.minHeight = "";
  if (typeof handles === "function") ui.frame.replaceChildren(ui.art, ...handles(width));
  update();
}
const host = place();
if (host) {
  settle(host, build());
  width = 0;
  lay();
  new ResizeObserver(lay).observe(host);
}
