//! Splits a passage into sentences and words.

/// Abbreviations whose full stop does not end a sentence.
const ABBREVIATIONS: [&str; 4] = ["e.g.", "i.e.", "vs.", "cf."];
/// The word that replaces a code span.
const CODE: &str = "`code`";

/// Returns the words of each sentence, in lower case and without punctuation around them. A code
/// span is one word.
pub(super) fn sentences(passage: &str) -> Vec<Vec<String>> {
    let mut sentences = Vec::new();
    let mut sentence = Vec::new();
    for word in without_code(passage).split_whitespace() {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '`').to_lowercase();
        if !bare.is_empty() {
            sentence.push(bare);
        }
        if ends_sentence(word) && !sentence.is_empty() {
            sentences.push(std::mem::take(&mut sentence));
        }
    }
    if !sentence.is_empty() {
        sentences.push(sentence);
    }
    sentences
}

fn ends_sentence(word: &str) -> bool {
    let end = word.trim_end_matches([')', '"', '\'', '*', '_', ']', '”']);
    end.ends_with(['.', '!', '?']) && !ABBREVIATIONS.contains(&end) && end != "…"
}

/// Replaces code spans, and the targets of links.
fn without_code(passage: &str) -> String {
    let mut text = String::with_capacity(passage.len());
    for (index, part) in passage.split('`').enumerate() {
        text.push_str(if index % 2 == 0 { part } else { CODE });
    }
    let mut prose = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((before, target)) = rest.split_once("](") {
        prose.push_str(before);
        rest = target.split_once(')').map_or("", |(_, after)| after);
    }
    prose.push_str(rest);
    prose
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_end_at_full_stops_and_have_bare_words() {
        let found = sentences("The broker (a [type](x.rs)) revokes `a b. c`. It ends, e.g. here!");
        let joined: Vec<_> = found.iter().map(|sentence| sentence.join(" ")).collect();
        assert_eq!(joined, ["the broker a type revokes `code`", "it ends e.g here"]);
    }
}
