"use strict";
// Python in a worker: it loads Pyodide, NumPy and the package's wheel once, and answers what the page asks.
// A run is played round by round and lets messages in between, so that it can be stopped; one check is one call, which
// the page can only end together with this worker.

let python = null;
let session = null;
let run = null;
let isStopped = false;
const tell = (kind, what) => postMessage({ kind, ...what });

// every byte that is fetched counts for the progress bar, whoever fetches it
const plainFetch = self.fetch.bind(self);
self.fetch = async (...given) => {
  const answer = await plainFetch(...given);
  if (!answer.ok || !answer.body) return answer;
  const counter = new TransformStream({
    transform(part, out) {
      tell("loaded", { bytes: part.byteLength });
      out.enqueue(part);
    },
  });
  return new Response(answer.body.pipeThrough(counter), { status: answer.status, headers: answer.headers });
};

async function wheel(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url} is missing (${answer.status})`);
  return answer.arrayBuffer();
}

async function load({ pyodide, wheels, sessionUrl }) {
  importScripts(`${pyodide}pyodide.js`);
  // the wheels arrive while the interpreter starts
  const arriving = Promise.all(wheels.map(wheel));
  python = await loadPyodide({ indexURL: pyodide });
  await python.loadPackage("numpy", { messageCallback() {} });
  const site = python.runPython("import site; site.getsitepackages()[0]");
  for (const bytes of await arriving) python.unpackArchive(bytes, "wheel", { extractDir: site });
  // what is fastest in WebAssembly is known: measuring it would take seconds before the first token
  python.runPython("import os; os.environ['SPECSAMPLE_LAYOUT'] = 'blocks32'");
  python.FS.writeFile(`${site}/session.py`, await (await plainFetch(sessionUrl)).text());
  python.runPython("import importlib; importlib.invalidate_caches()");
  session = python.pyimport("session");
}

const breathe = () => new Promise((go) => setTimeout(go));

async function speculate({ prompt, K, temperature, seed, n }) {
  run?.destroy();
  run = null;
  run = session.Run.callKwargs(prompt, { K, temperature, seed, max_new_tokens: n });
  isStopped = false;
  for (;;) {
    const played = run.round();
    if (!played) break;
    tell("round", JSON.parse(played));
    await breathe();
    if (isStopped) break;
  }
  tell("viewer", { page: run.viewer(), isStopped });
}

const answers = {
  load,
  speculate,
  async race() {
    tell("race", JSON.parse(run.race()));
  },
  async judge({ source, eps, isOne, timeLimit }) {
    const progress = (streams, needed, logE, probe) => tell("judging", { streams, needed, logE, probe });
    const given = { eps, is_one: isOne, time_limit: timeLimit, tell: progress };
    tell("verdict", JSON.parse(session.judge.callKwargs(source, given)));
  },
};

async function answer(data) {
  try {
    await answers[data.kind](data);
    tell("done", { asked: data.kind });
  } catch (error) {
    // of a Python traceback the last line says what happened
    const lines = String(error.message ?? error).trim().split("\n");
    const last = lines.findLastIndex((line) => /^[\w.]+(Error|Exception|Interrupt)\b/.test(line));
    tell("failed", { asked: data.kind, why: lines.slice(Math.max(last, 0)).join("\n") });
  }
}

// one after the other, but for "stop", which is for what runs now
let before = Promise.resolve();
onmessage = ({ data }) => {
  if (data.kind === "stop") isStopped = true;
  else before = before.then(() => answer(data));
};
