//! Draws passages at random, for a reader to judge.

use std::fmt::Write as _;

use super::passage::{Kind, Prose};

/// Draws `count` doc comments, `count` messages and `count` paragraphs of documents. One seed draws
/// the same places from the same files.
pub(super) fn draw(prose: &[Prose], count: usize, seed: u64) -> String {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut drawn = format!("seed {seed}\n");
    for (title, kind) in [("doc comments", Kind::Doc), ("messages", Kind::Literal), ("paragraphs", Kind::Paragraph)] {
        let _ = writeln!(drawn, "\n{title}");
        let all = prose.iter().filter(|prose| kind != Kind::Literal || is_product(&prose.file));
        let all = all.flat_map(|prose| prose.passages.iter().map(move |passage| (&prose.file, passage)));
        let all: Vec<_> = all.filter(|(_, passage)| passage.kind == kind).collect();
        let mut places = random.choose_multiple(0..all.len(), count);
        places.sort_unstable();
        for (file, passage) in places.into_iter().filter_map(|at| all.get(at)) {
            let _ = writeln!(drawn, "{file}:{}: {}", passage.line, passage.text);
        }
    }
    drawn
}

/// Returns true for files whose messages a user can see.
fn is_product(file: &str) -> bool {
    ["host/", "guest-sdk/"].iter().any(|folder| file.starts_with(folder)) && !file.contains("tests")
}

#[cfg(test)]
mod tests {
    use super::super::passage::Passage;
    use super::*;

    #[test]
    fn seed_repeats_a_sample() {
        let passage = |line| Passage { kind: Kind::Doc, line, text: format!("Doc {line}.") };
        let prose = [Prose { file: "a.rs".into(), passages: (1..50).map(passage).collect(), ..Prose::default() }];
        assert_eq!(draw(&prose, 3, 7), draw(&prose, 3, 7));
        assert_eq!(draw(&prose, 3, 7).matches("a.rs:").count(), 3);
    }
}
