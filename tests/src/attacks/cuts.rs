//! Guesses at a value by how text is held back while it could still become one.

use far_core::redaction::Redaction;

use super::Case;
use super::trial::Trial;

const VALUE: &str = "alpha-canary-7f3a91-and-more-than-one-piece-of-it-to-be-looked-at-in-turn-0123456789";

pub(super) fn cases() -> Vec<Case> {
    let case = |id, what, guess: fn() -> String, attack: &'static str| Case {
        id,
        what,
        attack: Trial::new(attack, move || async move { compared(&guess()) }),
        // Who has the whole value learns nothing by seeing it taken out.
        twin: Trial::new("cut otherwise, and redacted", || async { compared(VALUE) }),
    };
    vec![
        case(
            "55-first-bytes",
            "the first bytes of a value, to see whether more is held back",
            || first(20),
            "cut alike",
        ),
        case("55-all-but-one", "all of a value's first piece but its last byte", || first(63), "cut alike"),
        case(
            "55-encoded",
            "the first bytes of a value in base64",
            || base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &VALUE[..18]),
            "cut alike",
        ),
    ]
}

fn first(bytes: usize) -> String {
    VALUE[..bytes].to_owned()
}

/// Whether a guess is read in the same cuts as a text of its length that is none, in steps of one byte.
fn compared(guess: &str) -> String {
    let none = "#".repeat(guess.len());
    let ((one, redacted), (other, _)) = (cuts(guess), cuts(&none));
    let cut = if one == other { "cut alike" } else { "cut otherwise" };
    if redacted { format!("{cut}, and redacted") } else { cut.to_owned() }
}

/// How many bytes come out after each that goes in, and whether any is a marker.
fn cuts(guess: &str) -> (Vec<usize>, bool) {
    let redaction = Redaction::new();
    redaction.learn(&"alpha".parse().unwrap(), VALUE.as_bytes()).unwrap();
    let mut redactor = redaction.redactor_of_input();
    let text = format!("{}{guess}{}", "before ".repeat(400), " after".repeat(400));
    let (mut lengths, mut shown) = (Vec::new(), Vec::new());
    for byte in text.as_bytes() {
        let before = shown.len();
        redactor.write(std::slice::from_ref(byte), |piece| shown.extend_from_slice(piece.shown()));
        lengths.push(shown.len() - before);
    }
    redactor.finish(|piece| shown.extend_from_slice(piece.shown()));
    (lengths, String::from_utf8_lossy(&shown).contains("[redacted:alpha]"))
}
