"use strict";
// The page "Try it": it asks a worker (`worker.js`), shows what comes, and ends a worker that does not answer.
// Whatever comes from a model or a reader is only ever text here; viewer and report stand in frames of their own.
{
const here = new URL(".", document.currentScript.src);
const site = new URL("../../", here);
const box = document.querySelector(".try");
const part = (name) => box.querySelector(`[data-part="${name}"]`);
const sayings = {
  file: "Opened as a file a page may not start Python. Serve the folder: python -m http.server",
  unbuilt: "This copy of the site was built without what runs in the browser. Build it: python docs/make_lite.py",
};
const PATIENCE = 5000; // milliseconds from "stop" to the end of a worker that does not listen
// seconds for one call of a `verify`, of which the first may take five times as long, and without a sign of life
const limit = () => Number(box.dataset.limit);
const silent = () => Number(box.dataset.silence);

let config = null;
let worker = null;
let isLoaded = false;
let asked = null; // what the worker does now
let began = 0;
let silence = 0;

const say = (text, kind = "") => {
  part("state").textContent = text;
  part("state").dataset.kind = kind;
};

function busy(what) {
  asked = what;
  for (const button of box.querySelectorAll("button[data-does]")) button.disabled = Boolean(what);
  for (const button of box.querySelectorAll("button[data-stops]")) button.disabled = !what;
  part("race").disabled = Boolean(what) || !part("counts").children.length;
  clearTimeout(silence);
}

// --- the worker ---------------------------------------------------------------------------------------------------

function started() {
  if (worker) return;
  worker = new Worker(new URL("worker.js", here));
  worker.onmessage = ({ data }) => heard[data.kind](data);
  worker.onerror = (event) => heard.failed({ why: event.message });
}

function ended(why) {
  worker?.terminate();
  worker = null;
  isLoaded = false;
  part("bar").hidden = true;
  busy(null);
  say(why, "ended");
}

async function ask(what) {
  busy(what.kind);
  say("asking …");
  began = performance.now();
  if (location.protocol === "file:") return ended(sayings.file);
  config ??= await fetch(new URL("lite/try.json", site)).then((answer) => (answer.ok ? answer.json() : null), () => null);
  if (!config) return ended(sayings.unbuilt);
  started();
  if (!isLoaded) {
    const at = (path) => new URL(path, new URL("lite/", site)).href;
    part("bar").max = config.bytes;
    part("bar").value = 0;
    part("bar").hidden = false;
    worker.postMessage({
      kind: "load",
      pyodide: at(config.pyodide),
      wheels: config.wheels.map(at),
      sessionUrl: new URL("session.py", here).href,
    });
    isLoaded = true;
  }
  worker.postMessage(what);
  if (what.kind === "judge") listen();
}

function stop() {
  const halt = () => ended("Stopped. The next press starts Python again, from what the browser has kept.");
  // a run listens between two rounds; what is one call, only the end of its worker stops
  if (asked !== "speculate" || !part("text").dataset.first) return halt();
  say("stopping …");
  worker.postMessage({ kind: "stop" });
  const which = began;
  setTimeout(() => asked && began === which && halt(), PATIENCE);
}

const seconds = (from) => ((performance.now() - from) / 1000).toFixed(1);
const heard = {
  loaded({ bytes }) {
    part("bar").value += bytes;
    const total = (config.bytes / 1e6).toFixed(0);
    say(`loading Python, NumPy and the two models: ${(part("bar").value / 1e6).toFixed(0)} of ${total} MB`);
  },
  round({ pieces, counts }) {
    const text = part("text");
    if (!text.dataset.first) {
      text.dataset.first = seconds(began);
      part("bar").hidden = true;
    }
    for (const [piece, source] of pieces) {
      const span = document.createElement("span");
      span.className = source;
      span.textContent = piece;
      text.append(span);
    }
    text.lastChild.classList.add("ends");
    show(counts);
    say(`first token after ${text.dataset.first} s`);
  },
  viewer({ page, isStopped }) {
    part("viewer").hidden = false;
    part("viewer").srcdoc = page;
    say(`${isStopped ? "stopped" : "done"} after ${seconds(began)} s; first token after ${part("text").dataset.first} s`);
  },
  race({ page, plain, drafted }) {
    part("viewer").srcdoc = page;
    const ratio = plain / drafted;
    const said = ratio >= 1 ? `${ratio.toFixed(2)} times as fast` : `${(1 / ratio).toFixed(2)} times as slow`;
    say(`${plain.toFixed(2)} s without drafts, ${drafted.toFixed(2)} s with them, in this browser: ${said}. Press “race” below.`);
  },
  judging({ streams, needed, logE, probe }) {
    part("bar").hidden = false;
    part("bar").max = needed;
    part("bar").value = streams;
    say(`${streams.toLocaleString("en")} of ${needed.toLocaleString("en")} texts, largest log E ${logE.toFixed(1)}, ${probe}`);
    listen();
  },
  verdict({ verdict, page }) {
    part("report").hidden = false;
    part("report").srcdoc = page;
    say(`${verdict} after ${seconds(began)} s`, verdict);
  },
  done({ asked: what }) {
    if (what === "load") {
      part("bar").hidden = true;
      say(`loaded in ${seconds(began)} s`);
      return;
    }
    part("bar").hidden = true;
    busy(null);
  },
  failed({ asked: what, why }) {
    if (what === "load" || !isLoaded) return ended(`Python could not be loaded: ${why}`);
    part("bar").hidden = true;
    busy(null);
    say(why, "failed");
  },
};

// the sampler under test may hang in a call into C, where nothing but the end of the worker helps
function listen() {
  clearTimeout(silence);
  const said = `INVALID: no verdict. Nothing was heard of the sampler for ${silent()} s, so it was ended: does it hang in a call into C?`;
  silence = setTimeout(() => ended(said), 1000 * silent());
}

function show(counts) {
  const rate = (value) => (value === null ? "none" : value.toFixed(2));
  const rows = {
    tokens: counts.tokens,
    "target passes": counts.target_passes,
    "tokens per target pass": rate(counts.tokens_per_target_pass),
    "drafts tested": counts.tested,
    "acceptance rate α": rate(counts.acceptance_rate),
    "corrections, bonuses": `${counts.corrections}, ${counts.bonuses}`,
  };
  part("counts").replaceChildren(
    ...Object.entries(rows).map(([name, value]) => {
      const row = document.createElement("div");
      for (const [kind, text] of [["dt", name], ["dd", value]]) {
        const cell = document.createElement(kind);
        cell.textContent = text;
        row.append(cell);
      }
      return row;
    }),
  );
}

// --- the forms ----------------------------------------------------------------------------------------------------

const value = (name) => Number(part(name).value);
const acts = {
  speculate() {
    const prompt = part("prompt").value;
    const text = part("text");
    const head = document.createElement("span");
    head.className = "prompt";
    head.textContent = prompt;
    delete text.dataset.first;
    text.replaceChildren(head);
    part("counts").replaceChildren();
    part("viewer").hidden = true;
    ask({ kind: "speculate", prompt, K: value("K"), temperature: value("temperature"), seed: value("seed"), n: value("n") });
  },
  async race() {
    await ask({ kind: "race" });
    say("measuring every pass, three times each way …");
  },
  judge() {
    part("report").hidden = true;
    ask({
      kind: "judge",
      source: part("source").value,
      eps: value("eps"),
      isOne: part("one").checked,
      timeLimit: limit(),
    });
  },
  stop,
};
for (const button of box.querySelectorAll("button[data-does], button[data-stops]")) {
  button.addEventListener("click", () => acts[button.dataset.does ?? button.dataset.stops]());
}
for (const slider of box.querySelectorAll("input[type=range]")) {
  const shown = slider.parentElement.querySelector("output");
  const show = () => (shown.textContent = slider.value);
  slider.addEventListener("input", show);
  show();
}

const tabs = [...box.querySelectorAll("[role=tab]")];
function choose(tab) {
  for (const each of tabs) {
    each.setAttribute("aria-selected", each === tab);
    each.tabIndex = each === tab ? 0 : -1;
    document.getElementById(each.getAttribute("aria-controls")).hidden = each !== tab;
  }
  // bar and sentence stand below the buttons of the tab that is seen
  document.getElementById(tab.getAttribute("aria-controls")).querySelector(".slot").append(part("bar"), part("state"));
}
for (const tab of tabs) {
  tab.addEventListener("click", () => choose(tab));
  tab.addEventListener("keydown", ({ key }) => {
    if (key !== "ArrowLeft" && key !== "ArrowRight") return;
    const next = tabs[(tabs.indexOf(tab) + 1) % tabs.length];
    choose(next);
    next.focus();
  });
}
choose(tabs[location.hash === "#judge" ? 1 : 0]);

// the example stands on the page for those without scripts: here it is what the judge begins with
const sample = document.querySelector(".try-sample");
part("source").value = `${sample.innerText.trimEnd()}\n`;
sample.style.display = "none";

// a frame without scripts is as high as what it shows, and its links open beside this page
part("report").addEventListener("load", () => {
  const inside = part("report").contentDocument;
  const base = inside.createElement("base");
  base.target = "_blank";
  inside.head.append(base);
  part("report").style.height = `${inside.documentElement.scrollHeight + 24}px`;
});

box.hidden = false;
busy(null);
if (location.protocol === "file:") say(sayings.file);
}
