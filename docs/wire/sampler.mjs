// A verifier for `specsample check --command`, in JavaScript for Node without a package.
//
//     specsample check --command "node sampler.mjs" --kind verify
//
// `--wrong M19` tests all drafts of a round with one random number: the judge must say so.

import { createCipheriv } from "node:crypto";
import { createInterface } from "node:readline";

const isWrong = process.argv[2] === "--wrong" && process.argv[3] === "M19";

// Numbers in [0, 1) that follow from a seed: Math.random takes none, a cipher in counter mode takes a key.
function generator(seed) {
  const key = Buffer.alloc(16);
  key.writeDoubleLE(seed);
  const cipher = createCipheriv("aes-128-ctr", key, Buffer.alloc(16));
  const size = 1 << 14;
  let block;
  let at = size;
  return () => {
    if (at === size) {
      block = cipher.update(Buffer.alloc(size));
      at = 0;
    }
    at += 4;
    return block.readUInt32LE(at - 4) / 2 ** 32;
  };
}

// A token drawn in proportion to its weight.
function pick(weights, random) {
  let left = random() * weights.reduce((sum, weight) => sum + weight, 0);
  let last = 0;
  for (let x = 0; x < weights.length; x += 1) {
    if (weights[x] === 0) continue;
    last = x;
    left -= weights[x];
    if (left < 0) break;
  }
  return last;
}

// K drafts, K rows of q and K+1 rows of p: 1 to K+1 tokens.
function verify(drafts, q, p, random) {
  const once = random();
  for (let i = 0; i < drafts.length; i += 1) {
    const x = drafts[i];
    const u = isWrong ? once : random();
    if (u * q[i][x] >= p[i][x]) {
      // rejected: what is left of p where q is taken away
      const left = p[i].map((value, y) => Math.max(value - q[i][y], 0));
      return [...drafts.slice(0, i), pick(left, random)];
    }
  }
  // all K are kept, and p's last row gives one more
  return [...drafts, pick(p[drafts.length], random)];
}

let isGreeted = false;
for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  let answer;
  if (!isGreeted) {
    // the version comes first, both ways
    isGreeted = true;
    answer = request.kind === "verify" ? { specsample: 1, arrays: "json" } : { error: "this program only verifies" };
  } else {
    const { id, drafts, q, p, seed } = request;
    const random = generator(seed);
    answer = { id, tokens: drafts.map((row, b) => verify(row, q[b], p[b], random)) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
