//! A small mutator for stable Rust. It has no coverage feedback; libFuzzer finds new paths.

use fastrand::Rng;

/// The longest input that mutation produces, in bytes.
pub const MAX_LEN: usize = 64 * 1024;

/// Bytes that many parsers treat specially.
const EDGES: [u8; 12] = [0, 1, 0x7f, 0x80, 0xff, b'\n', b'"', b'\\', b'/', b'.', b'%', b':'];

/// Returns a mutation of an input of the corpus, which may include parts of other inputs and
/// `tokens`.
pub fn mutated(rng: &mut Rng, corpus: &[Vec<u8>], tokens: &[&str]) -> Vec<u8> {
    let mut input = rng.choice(corpus).cloned().unwrap_or_default();
    // Mostly few edits, because a parser stops at the first error.
    let edits = 1 << rng.u32(..4);
    for _ in 0..=rng.usize(..edits) {
        edit(rng, &mut input, corpus, tokens);
    }
    input.truncate(MAX_LEN);
    input
}

fn edit(rng: &mut Rng, input: &mut Vec<u8>, corpus: &[Vec<u8>], tokens: &[&str]) {
    let at = rng.usize(..=input.len());
    let rest = input.len() - at;
    match rng.u32(..10) {
        0 if rest > 0 => input[at] ^= 1 << rng.u32(..8),
        1 if rest > 0 => input[at] = rng.u8(..),
        2 if rest > 0 => input[at] = *rng.choice(&EDGES).expect("there are edges"),
        3 => input.insert(at, *rng.choice(&EDGES).expect("there are edges")),
        4 => drop(input.drain(at..at + rng.usize(..=rest.min(16)))),
        5 => {
            let piece = input[at..at + rng.usize(..=rest.min(256))].to_vec();
            let max = 1 << rng.u32(..6);
            let copies = 1 + rng.usize(..max);
            insert(input, at, &piece.repeat(copies.min(MAX_LEN / piece.len().max(1))));
        }
        6 | 7 if !tokens.is_empty() => {
            insert(input, at, rng.choice(tokens).expect("there are tokens").as_bytes());
        }
        8 => {
            let other = rng.choice(corpus).map(Vec::as_slice).unwrap_or_default();
            let from = rng.usize(..=other.len());
            let to = from + rng.usize(..=other.len() - from);
            let replaced = rng.usize(..=rest);
            input.splice(at..at + replaced, other[from..to].iter().copied());
        }
        9 => input.truncate(at),
        _ => input.push(rng.u8(..)),
    }
}

fn insert(input: &mut Vec<u8>, at: usize, piece: &[u8]) {
    if input.len() + piece.len() <= MAX_LEN {
        input.splice(at..at, piece.iter().copied());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_produce_equal_mutations() {
        let corpus = [b"https://example.com".to_vec(), b"a:seal@".to_vec()];
        let inputs = |seed| {
            let mut rng = Rng::with_seed(seed);
            (0..1000).map(|_| mutated(&mut rng, &corpus, &["token"])).collect::<Vec<_>>()
        };
        assert_eq!(inputs(7), inputs(7));
        assert_ne!(inputs(7), inputs(8));
        assert!(inputs(7).iter().all(|input| input.len() <= MAX_LEN));
    }
}
