//! Guesses at a value from how much text the redactor holds back.

use far_core::redaction::Redaction;

use super::Case;
use super::trial::Trial;

const VALUE: &str = "alpha-canary-7f3a91-and-more-than-one-piece-of-it-to-be-looked-at-in-turn-0123456789";

pub(super) fn cases() -> Vec<Case> {
    let case = |id, description, guess: fn() -> String, attack: &'static str| Case {
        id,
        description,
        attack: Trial::new(attack, move || async move { compared(&guess()) }),
        // A guest with the whole value learns nothing from its redaction.
        twin: Trial::new("cut differently, and redacted", || async { compared(VALUE) }),
    };
    vec![
        case(
            "55-first-bytes",
            "the first bytes of a value, to observe how much is held back",
            || first(20),
            "cut alike",
        ),
        case("55-all-but-one", "the first piece of a value without its last byte", || first(63), "cut alike"),
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

/// Compares the output steps of a guess with those of other text of its length.
fn compared(guess: &str) -> String {
    let other_text = "#".repeat(guess.len());
    let ((one, redacted), (other, _)) = (cuts(guess), cuts(&other_text));
    let cut = if one == other { "cut alike" } else { "cut differently" };
    if redacted { format!("{cut}, and redacted") } else { cut.to_owned() }
}

/// Returns the output length after each input byte, and whether a marker appears.
fn cuts(guess: &str) -> (Vec<usize>, bool) {
    let redaction = Redaction::new();
    redaction.learn(&"alpha".parse().unwrap(), VALUE.as_bytes()).unwrap();
    let mut redactor = redaction.input_redactor();
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
