//! A sampler for `specsample check --command`, in Rust without a crate: it verifies and generates.
//!
//!     rustc --edition 2021 -O -o sampler sampler.rs
//!     specsample check --command ./sampler --kind generate
//!
//! `--wrong M15` draws the bonus token from the row before the last one: the judge must say so.

use std::io::{self, BufRead};
use std::str::FromStr;

/// SplitMix64: a counter that is well mixed.
struct Rng(u64);

impl Rng {
    /// A number in [0, 1).
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A token drawn in proportion to its weight.
    fn pick(&mut self, weights: &[f64]) -> usize {
        let mut left = self.uniform() * weights.iter().sum::<f64>();
        let mut last = 0;
        for (x, &weight) in weights.iter().enumerate().filter(|(_, &weight)| weight > 0.0) {
            last = x;
            left -= weight;
            if left < 0.0 {
                break;
            }
        }
        last
    }
}

/// The numbers after "name": in a line, up to the next name. Shapes are known, so that brackets say nothing new.
fn numbers<T: FromStr>(line: &str, name: &str) -> Vec<T> {
    let key = format!("\"{name}\":");
    let from = line.find(&key).map_or(line.len(), |at| at + key.len());
    let value = line[from..].split('"').next().unwrap_or("");
    value.split(['[', ']', ',', '}']).filter_map(|text| text.parse().ok()).collect()
}

/// The first of them.
fn number<T: FromStr>(line: &str, name: &str) -> T {
    numbers(line, name).into_iter().next().unwrap_or_else(|| panic!("no {name} in {line:.100}"))
}

/// K drafts, K rows of q and K+1 rows of p: 1 to K+1 tokens.
fn verify(drafts: &[usize], q: &[&[f64]], p: &[&[f64]], is_wrong: bool, rng: &mut Rng) -> Vec<usize> {
    for (i, &x) in drafts.iter().enumerate() {
        if rng.uniform() * q[i][x] >= p[i][x] {
            // rejected: what is left of p where q is taken away
            let left: Vec<f64> = p[i].iter().zip(q[i]).map(|(a, b)| (a - b).max(0.0)).collect();
            return [&drafts[..i], &[rng.pick(&left)]].concat();
        }
    }
    // all K are kept, and p's last row gives one more
    let bonus = p[if is_wrong && !drafts.is_empty() { drafts.len() - 1 } else { drafts.len() }];
    [drafts, &[rng.pick(bonus)]].concat()
}

/// What both models say in every state, and where each token leads.
struct Models {
    next: Vec<isize>,
    p: Vec<f64>,
    q: Vec<f64>,
    vocab_size: usize,
}

impl Models {
    /// Row `state` of a table.
    fn row<'a>(&self, table: &'a [f64], state: usize) -> &'a [f64] {
        &table[state * self.vocab_size..][..self.vocab_size]
    }

    /// Write a text, round by round, to its last token or a stop token.
    fn generate(&self, k: usize, max_new_tokens: usize, stop: &[usize], is_wrong: bool, rng: &mut Rng) -> Vec<usize> {
        let mut text: Vec<usize> = Vec::new();
        while text.len() < max_new_tokens {
            // state 0 is the prompt; the text's own tokens lead on from there
            let mut state = text.iter().fold(0, |state, &x| self.after(state, x));
            let mut drafts = Vec::new();
            let mut q = Vec::new();
            let mut p = vec![self.row(&self.p, state)];
            // near the end fewer drafts: a round adds up to K+1 tokens
            for _ in 0..k.min(max_new_tokens - text.len() - 1) {
                q.push(self.row(&self.q, state));
                drafts.push(rng.pick(q[q.len() - 1]));
                state = self.after(state, drafts[drafts.len() - 1]);
                p.push(self.row(&self.p, state));
            }
            for x in verify(&drafts, &q, &p, is_wrong, rng) {
                text.push(x);
                if stop.contains(&x) {
                    return text;
                }
            }
        }
        text
    }

    /// The state that a token leads to.
    fn after(&self, state: usize, x: usize) -> usize {
        self.next[state * self.vocab_size + x].try_into().expect("a text that is longer than asked for")
    }
}

/// The tokens of the n streams that a request asks for, drawn with its seed.
fn answer(line: &str, models: &Models, is_wrong: bool) -> Vec<Vec<usize>> {
    let n: usize = number(line, "n");
    let k: usize = number(line, "K");
    let mut rng = Rng(number(line, "seed"));
    if line.contains("\"kind\":\"verify\"") {
        let vocab_size: usize = number(line, "V");
        let drafts: Vec<usize> = numbers(line, "drafts");
        let q: Vec<f64> = numbers(line, "q");
        let p: Vec<f64> = numbers(line, "p");
        let q: Vec<&[f64]> = q.chunks(vocab_size).collect();
        let p: Vec<&[f64]> = p.chunks(vocab_size).collect();
        let streams = drafts.chunks(k).zip(q.chunks(k)).zip(p.chunks(k + 1));
        return streams.map(|((drafts, q), p)| verify(drafts, q, p, is_wrong, &mut rng)).collect();
    }
    let max_new_tokens: usize = number(line, "max_new_tokens");
    let stop: Vec<usize> = numbers(line, "stop");
    (0..n).map(|_| models.generate(k, max_new_tokens, &stop, is_wrong, &mut rng)).collect()
}

fn main() {
    let given: Vec<String> = std::env::args().collect();
    let is_wrong = given.len() == 3 && given[1..] == ["--wrong", "M15"];
    let mut models = Models { next: vec![], p: vec![], q: vec![], vocab_size: 0 };
    let mut lines = io::stdin().lock().lines().map(|line| line.expect("text"));
    // the version comes first, both ways
    lines.next();
    println!("{{\"specsample\":1,\"arrays\":\"json\"}}");
    for line in lines {
        let id: u64 = number(&line, "id");
        if line.contains("\"kind\":\"models\"") {
            let (next, p, q) = (numbers(&line, "next"), numbers(&line, "p"), numbers(&line, "q"));
            models = Models { next, p, q, vocab_size: number(&line, "V") };
            println!("{{\"id\":{id}}}");
        } else {
            println!("{{\"id\":{id},\"tokens\":{:?}}}", answer(&line, &models, is_wrong));
        }
    }
}
