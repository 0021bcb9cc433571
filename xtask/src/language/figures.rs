//! Measures prose by the figures in which well-written Rust projects agree.
//!
//! The limit of each figure is twice the highest of rustls, rage, kube, wasmtime and uv.

use std::fmt::Write as _;

use super::check::{COLUMNS, WRONG_TEST_STARTS};
use super::passage::{Kind, Prose};
use super::sentence::sentences;
use super::words::{CLAUSES, WRONG_STARTS};

/// A figure and its limit.
struct Figure {
    name: &'static str,
    value: f64,
    limit: f64,
}

/// The measured figures.
pub(super) struct Figures(Vec<Figure>);

impl Figures {
    /// Returns true if no figure is over its limit.
    pub(super) fn within_limits(&self) -> bool {
        self.0.iter().all(|figure| figure.value <= figure.limit)
    }

    /// Prints one row for each figure.
    pub(super) fn table(&self) -> String {
        let mut table = format!("{:>9}  {:>9}  figure\n", "measured", "limit");
        for figure in &self.0 {
            let over = if figure.value > figure.limit { "  OVER" } else { "" };
            let _ = writeln!(table, "{:>9.2}  {:>9.2}  {}{over}", figure.value, figure.limit, figure.name);
        }
        table
    }
}

/// Measures some files.
pub(super) fn measure(prose: &[Prose]) -> Figures {
    let rust = || prose.iter().filter(|prose| is_rust(&prose.file));
    let comments: Vec<_> = rust()
        .flat_map(|prose| &prose.passages)
        .filter(|passage| passage.kind.is_comment())
        .map(|passage| (passage.kind, sentences(&passage.text)))
        .collect();
    let all = || comments.iter().flat_map(|(_, sentences)| sentences);
    let words: usize = all().map(Vec::len).sum();
    let clauses: usize = all().map(|sentence| clauses(sentence)).sum();
    let starts = comments.iter().filter(|(kind, _)| *kind == Kind::Doc);
    let starts: Vec<_> = starts.filter_map(|(_, sentences)| sentences.first()?.first()).collect();
    let wrong_starts = starts.iter().filter(|start| WRONG_STARTS.contains(&start.as_str())).count();
    let tests: Vec<_> = rust().flat_map(|prose| &prose.tests).map(|(_, name)| name).collect();
    let wrong_tests = tests.iter().filter(|name| WRONG_TEST_STARTS.iter().any(|start| name.starts_with(start)));
    let test_words: usize = tests.iter().map(|name| name.split('_').count()).sum();
    let readme = prose.iter().find(|prose| prose.file == "README.md").map_or(0, |prose| prose.words);
    let widths: Vec<_> = rust().flat_map(|prose| &prose.widths).collect();
    let wide = widths.iter().filter(|(_, width)| *width > COLUMNS).count();
    Figures(vec![
        Figure {
            name: "clauses that begin 'what is', 'what was', …, in 1,000 words of comments",
            value: 1000.0 * ratio(clauses, words),
            limit: 0.16,
        },
        Figure {
            name: "% of doc comments that begin with what, whether, who, …",
            value: 100.0 * ratio(wrong_starts, starts.len()),
            limit: 5.0,
        },
        Figure {
            name: "tests whose names begin with 'what_', 'who_', …",
            value: ratio(wrong_tests.count(), 1),
            limit: 0.0,
        },
        Figure { name: "words in a test's name", value: ratio(test_words, tests.len()), limit: 10.8 },
        Figure { name: "words in README.md", value: ratio(readme, 1), limit: 2230.0 },
        Figure { name: "% of comment lines over 100 columns", value: 100.0 * ratio(wide, widths.len()), limit: 0.1 },
    ])
}

fn is_rust(file: &str) -> bool {
    std::path::Path::new(file).extension().is_some_and(|extension| extension == "rs")
}

fn clauses(sentence: &[String]) -> usize {
    let pairs = sentence.iter().zip(sentence.iter().skip(1));
    pairs.filter(|(first, second)| *first == "what" && CLAUSES.contains(&second.as_str())).count()
}

#[expect(clippy::cast_precision_loss, reason = "counts of words are far below 2^52")]
fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::super::passage::Passage;
    use super::*;

    #[test]
    fn figures_count_symptoms() {
        let passage = |kind, text: &str| Passage { kind, line: 1, text: text.to_owned() };
        let prose = Prose {
            file: "a.rs".into(),
            words: 0,
            passages: vec![passage(Kind::Doc, "What is here."), passage(Kind::Doc, "Returns one.")],
            tests: vec![(1, "what_a_b".to_owned()), (2, "c".to_owned())],
            widths: vec![(1, 101), (2, 100)],
        };
        let figures = measure(&[prose]);
        let values: Vec<_> = figures.0.iter().map(|figure| figure.value).collect();
        assert_eq!(values, [200.0, 50.0, 1.0, 2.0, 0.0, 50.0]);
        assert!(!figures.within_limits());
        assert!(measure(&[]).within_limits());
    }
}
