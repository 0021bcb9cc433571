//! Finds flaws in prose.

use super::passage::{Kind, Passage, Prose};
use super::sentence::sentences;
use super::words::{RETIRED, WRONG_STARTS};

/// The most words of a sentence.
const SENTENCE_WORDS: usize = 30;
/// The most columns of a line of prose.
pub(super) const COLUMNS: usize = 100;
/// The most characters of a test's name.
const TEST_NAME: usize = 60;
/// The words with which a test's name does not begin.
pub(super) const WRONG_TEST_STARTS: [&str; 4] = ["what_", "who_", "whose_", "whoever_"];

/// A place to rewrite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flaw {
    /// Relative to the root.
    pub(crate) file: String,
    /// From 1.
    pub(crate) line: usize,
    /// The flaw, with a better word where the glossary has one.
    pub(crate) reason: String,
}

/// Returns the flaws of some files, in order.
pub(super) fn flaws(prose: &[Prose]) -> Vec<Flaw> {
    prose.iter().flat_map(of_file).collect()
}

fn of_file(prose: &Prose) -> Vec<Flaw> {
    let flaw = |line: usize, reason: String| Flaw { file: prose.file.clone(), line, reason };
    let passages = prose
        .passages
        .iter()
        .flat_map(|passage| of_passage(passage).into_iter().map(|reason| flaw(passage.line, reason)));
    let wide = prose.widths.iter().filter(|(_, width)| *width > COLUMNS);
    let wide = wide.map(|(line, width)| flaw(*line, format!("{width} columns; wrap at {COLUMNS}")));
    let names = prose.tests.iter().filter_map(|(line, name)| Some(flaw(*line, of_name(name)?)));
    let mut flaws: Vec<_> = passages.chain(wide).chain(names).collect();
    flaws.sort_by_key(|flaw| flaw.line);
    flaws
}

fn of_passage(passage: &Passage) -> Vec<String> {
    let sentences = sentences(&passage.text);
    let mut reasons = Vec::new();
    let first = sentences.first().and_then(|sentence| sentence.first());
    if passage.kind == Kind::Doc
        && let Some(start) = first.filter(|word| WRONG_STARTS.contains(&word.as_str()))
    {
        reasons.push(format!("a doc comment begins with '{start}'; begin with a verb or a noun phrase"));
    }
    for sentence in &sentences {
        if sentence.len() > SENTENCE_WORDS && passage.kind != Kind::Literal {
            let start = sentence.iter().take(4).map(String::as_str).collect::<Vec<_>>().join(" ");
            let words = sentence.len();
            reasons.push(format!("a sentence of {words} words ('{start} …'); at most {SENTENCE_WORDS}"));
        }
        let text = format!(" {} ", sentence.join(" "));
        let retired = RETIRED.iter().filter(|retired| text.contains(&format!(" {} ", retired.phrase)));
        reasons.extend(retired.map(|retired| format!("'{}'; better: {}", retired.phrase, retired.better)));
    }
    reasons
}

fn of_name(name: &str) -> Option<String> {
    if name.len() > TEST_NAME {
        return Some(format!("test name of {} characters; at most {TEST_NAME}", name.len()));
    }
    let start = WRONG_TEST_STARTS.into_iter().find(|start| name.starts_with(start))?;
    Some(format!("test name begins with '{start}'; name the subject, the condition, the result"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reasons(kind: Kind, text: &str) -> Vec<String> {
        of_passage(&Passage { kind, line: 1, text: text.to_owned() })
    }

    #[test]
    fn each_symptom_is_a_flaw() {
        let long = "word ".repeat(31);
        for (kind, text, reason) in [
            (Kind::Doc, "Whether it is open.", "a doc comment begins with 'whether'"),
            (Kind::Comment, long.as_str(), "a sentence of 31 words"),
            (Kind::Paragraph, "The colour of it.", "'colour'; better: color"),
            (Kind::Literal, "here is what it has", "'what it'; better: the noun"),
        ] {
            let found = reasons(kind, text);
            assert!(matches!(&found[..], [found] if found.starts_with(reason)), "{text}: {found:?}");
        }
        assert!(reasons(Kind::Doc, "Returns `what is` there, in a color.").is_empty());
        assert!(reasons(Kind::Literal, &long).is_empty());
    }

    #[test]
    fn test_names_and_widths_are_checked() {
        let long = "a".repeat(61);
        let tests = vec![(1, "what_is_kept".to_owned()), (2, long), (3, "lease_expires".to_owned())];
        let prose = Prose { file: "a.rs".into(), tests, widths: vec![(4, 100), (5, 101)], ..Prose::default() };
        let lines: Vec<_> = flaws(&[prose]).iter().map(|flaw| flaw.line).collect();
        assert_eq!(lines, [1, 2, 5]);
    }
}
