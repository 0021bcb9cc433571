//! Detection in all forms, for every split of a stream into writes.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use proptest::prelude::*;

use super::*;

/// Characters that encoders treat differently, and bytes whose base64 has `+` and `/`.
const VALUE: &[u8] = "k\u{e9}y /+?>\"\\\n\u{1f511}~%41_-zZ".as_bytes();

fn knowing(values: &[(&str, &[u8])]) -> Arc<Redaction> {
    let redaction = Redaction::new();
    for (name, value) in values {
        redaction.learn(&name.parse().unwrap(), value).unwrap();
    }
    redaction
}

/// Returns the visible output of a stream with these writes.
fn redacted(redaction: &Arc<Redaction>, pieces: &[&[u8]]) -> Vec<u8> {
    let (mut shown, mut counted) = (Vec::new(), 0);
    let mut redactor = redaction.redactor();
    let mut out = |segment: Segment<'_>| match segment {
        Segment::Clear(bytes) => {
            counted += bytes.len();
            shown.extend_from_slice(bytes);
        }
        Segment::Marker(marker) => shown.extend_from_slice(marker.as_bytes()),
        Segment::Hidden(count) => counted += count,
    };
    pieces.iter().for_each(|piece| redactor.write(piece, &mut out));
    redactor.finish(&mut out);
    assert_eq!(counted, pieces.concat().len(), "every byte is shown or hidden");
    shown
}

fn shown(redaction: &Arc<Redaction>, text: &[u8]) -> String {
    String::from_utf8_lossy(&redacted(redaction, &[text])).into_owned()
}

/// Percent-encodes the bytes that `escaped` selects.
fn percent(value: &[u8], escaped: impl Fn(usize, u8) -> bool, upper: bool) -> Vec<u8> {
    let write = |(at, byte): (usize, &u8)| match (escaped(at, *byte), upper) {
        (false, _) => vec![*byte],
        (true, true) => format!("%{byte:02X}").into_bytes(),
        (true, false) => format!("%{byte:02x}").into_bytes(),
    };
    value.iter().enumerate().flat_map(write).collect()
}

fn reserved(_: usize, byte: u8) -> bool {
    !(byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

fn mixed_case(hex: &str) -> String {
    hex.char_indices().map(|(at, digit)| if at % 3 == 0 { digit.to_ascii_uppercase() } else { digit }).collect()
}

/// Returns a value in every detected form, by the name of the form.
fn forms(value: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let hex = hex::encode(value);
    let mut forms = vec![
        ("raw", value.to_vec()),
        ("hex", hex.clone().into_bytes()),
        ("hex, upper", hex.to_uppercase().into_bytes()),
        ("hex, mixed", mixed_case(&hex).into_bytes()),
    ];
    for upper in [false, true] {
        forms.push(("percent, all", percent(value, |_, _| true, upper)));
        forms.push(("percent, reserved", percent(value, reserved, upper)));
        forms.push(("percent, every other", percent(value, |at, byte| at % 2 == 1 && byte != b'%', upper)));
    }
    let query = percent(value, |at, byte| byte != b' ' && reserved(at, byte), true);
    forms.push(("query", query.iter().map(|byte| if *byte == b' ' { b'+' } else { *byte }).collect()));
    if let Ok(text) = std::str::from_utf8(value) {
        let json = serde_json::to_string(text).unwrap();
        let json = &json[1..json.len() - 1];
        forms.push(("json", json.as_bytes().to_vec()));
        forms.push(("json, slashes", json.replace('/', "\\/").into_bytes()));
        let units = |upper: bool| {
            let unit = |unit: u16| if upper { format!("\\u{unit:04X}") } else { format!("\\u{unit:04x}") };
            text.encode_utf16().map(unit).collect::<String>().into_bytes()
        };
        forms.extend([("json, all", units(false)), ("json, all, upper", units(true))]);
    }
    forms
}

#[test]
fn input_is_redacted_without_counting() {
    let redaction = Redaction::new();
    redaction.learn(&"key".parse().unwrap(), b"canary-value").unwrap();
    let mut shown = Vec::new();
    let mut redactor = redaction.input_redactor();
    redactor.write(b"a canary-value b", |piece| shown.extend_from_slice(piece.shown()));
    redactor.finish(|piece| shown.extend_from_slice(piece.shown()));
    assert_eq!(shown, b"a [redacted:key] b");
    assert!(redaction.matches().iter().all(|(_, matches)| *matches == 0), "{:?}", redaction.matches());
}

#[test]
fn every_form_matches_across_writes() {
    let redaction = knowing(&[("key", VALUE)]);
    for (form, text) in forms(VALUE) {
        let text = [b"<", &text[..], b">"].concat();
        for first in 0..=text.len() {
            let (one, rest) = text.split_at(first);
            assert_eq!(redacted(&redaction, &[one, rest]), b"<[redacted:key]>", "{form}, cut at {first}");
            for second in 0..=rest.len() {
                let (two, three) = rest.split_at(second);
                assert_eq!(redacted(&redaction, &[one, two, three]), b"<[redacted:key]>", "{form}, {first}, {second}");
            }
        }
    }
}

#[test]
fn every_form_matches_any_first_character() {
    let characters: Vec<_> =
        std::str::from_utf8(VALUE).unwrap().chars().chain(" \0\t\u{7f}\u{20ac} %+".chars()).collect();
    for first in 0..characters.len() {
        let (end, begin) = characters.split_at(first);
        let value: String = begin.iter().chain(end).collect();
        let redaction = knowing(&[("key", value.as_bytes())]);
        for (form, text) in forms(value.as_bytes()) {
            assert_eq!(shown(&redaction, &text), "[redacted:key]", "{form} of {value:?}");
        }
    }
}

/// Returns base64 output without the characters that encode the value only.
fn base64_without(text: &str, before: usize, value: usize) -> String {
    let (from, to) = ((8 * before).div_ceil(6), 8 * (before + value) / 6);
    format!("{}[redacted:key]{}", &text[..from], &text[to..])
}

#[test]
fn base64_matches_at_every_offset() {
    let redaction = knowing(&[("key", VALUE)]);
    for before in 0..6 {
        for after in 0..4 {
            let plain = [&b"user: "[..before], VALUE, &b"\xff\xfe\xfd"[..after.min(3)]].concat();
            for text in [STANDARD.encode(&plain), URL_SAFE.encode(&plain)] {
                let expected = base64_without(&text, before, VALUE.len());
                for first in 0..=text.len() {
                    let (one, rest) = text.as_bytes().split_at(first);
                    for second in [0, 1, 5, rest.len() / 2, rest.len()] {
                        let (two, three) = rest.split_at(second.min(rest.len()));
                        let shown = redacted(&redaction, &[one, two, three]);
                        assert_eq!(String::from_utf8(shown).unwrap(), expected, "{text}, {first}, {second}");
                    }
                }
            }
        }
    }
}

#[test]
fn adjacent_values_match_separately() {
    let redaction = knowing(&[("one", b"first-value"), ("two", b"second-value")]);
    assert_eq!(
        shown(&redaction, b"first-valuesecond-valuefirst-value."),
        "[redacted:one][redacted:two][redacted:one]."
    );
    assert_eq!(redaction.end(), [("one".parse().unwrap(), 2), ("two".parse().unwrap(), 1)]);
}

#[test]
fn overlapping_values_are_removed_completely() {
    let redaction = knowing(&[("one", b"abcdefgh"), ("two", b"efghijkl"), ("three", b"abcdefghij"), ("four", b"cdef")]);
    assert_eq!(shown(&redaction, b"-abcdefghijkl-"), "-[redacted:three]-", "the longest match, and its overlap");
    assert_eq!(shown(&redaction, b"-abcdefghkl-"), "-[redacted:one]kl-");
    assert_eq!(shown(&redaction, b"-abcdefxghijkl-"), "-ab[redacted:four]xghijkl-");
    let matches: Vec<_> = redaction.end().into_iter().map(|(name, matches)| (name.to_string(), matches)).collect();
    assert_eq!(
        matches,
        [("one", 1), ("two", 1), ("three", 1), ("four", 1)].map(|(name, matches)| (name.to_owned(), matches))
    );
}

#[test]
fn repeated_value_is_removed() {
    let redaction = knowing(&[("key", b"ababab")]);
    assert_eq!(shown(&redaction, "ab".repeat(50).as_bytes()), "[redacted:key]");
    assert_eq!(shown(&redaction, b"babab"), "babab", "no match");
    assert_eq!(shown(&redaction, b"cabababc"), "c[redacted:key]c");
}

#[test]
fn repeated_periodic_value_is_removed() {
    let repeated = |period: &str, times: usize| period.repeat(times).into_bytes();
    for value in [
        repeated("ab", 2),
        repeated("ab", 32),
        repeated("ab", 33),
        repeated("ab", 500),
        repeated("abc", 50),
        repeated("\\\"", 32),
        repeated("%61", 30),
        [repeated("a", 63), repeated("b", 1)].concat(),
    ] {
        let redaction = knowing(&[("key", &value)]);
        for (form, text) in forms(&value) {
            let text = text.repeat(3);
            let shown = shown(&redaction, &text);
            assert_eq!(shown.replace("[redacted:key]", ""), "", "{form} of {} bytes", value.len());
        }
    }
}

/// Returns pseudorandom characters.
fn long(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        b"abcdefghijklmnop\n\"/%"[(state >> 24) as usize % 20]
    };
    (0..length).map(|_| next()).collect()
}

#[test]
fn long_value_matches_in_every_form() {
    for length in [63, 64, 65, 128, 1000, 20_000] {
        let value = long(length);
        let redaction = knowing(&[("key", &value)]);
        for (form, text) in forms(&value) {
            let text = [b"<", &text[..], b">"].concat();
            for size in [1, 7, 4096, usize::MAX] {
                let pieces: Vec<_> = text.chunks(size).collect();
                assert_eq!(redacted(&redaction, &pieces), b"<[redacted:key]>", "{length}, {form}, by {size}");
            }
        }
        for before in 0..3 {
            let text = STANDARD.encode([&b"::"[..before.min(2)], &value].concat());
            let expected = base64_without(&text, before.min(2), length);
            assert_eq!(shown(&redaction, text.as_bytes()), expected, "{length}");
        }
    }
}

#[test]
fn first_chunk_of_long_value_matches() {
    let value = long(1000);
    let redaction = knowing(&[("key", &value)]);
    assert_eq!(shown(&redaction, &value[..63]).as_bytes(), &value[..63]);
    assert_eq!(shown(&redaction, &[&value[..64], b"!"].concat()), "[redacted:key]!");
    assert_eq!(shown(&redaction, &[&value[..192], b"!"].concat()), "[redacted:key]!");
    let again = [&value[..640], &value[..], b"!"].concat();
    assert_eq!(shown(&redaction, &again), "[redacted:key][redacted:key]!", "the value after a part of it");
}

#[test]
fn self_similar_value_matches_at_second_start() {
    let part = long(64);
    let value = [&part[..], &part, b"the-end-of-it"].concat();
    let redaction = knowing(&[("key", &value)]);
    assert_eq!(shown(&redaction, &[&part[..], &value, b"!"].concat()), "[redacted:key]!");
}

#[test]
fn values_with_equal_starts_match_completely() {
    let begin = long(64);
    let value = |version: usize| [&begin[..], format!("{version:0>80}").as_bytes()].concat();
    let redaction = Redaction::new();
    (0..100).for_each(|version| redaction.learn(&"key".parse().unwrap(), &value(version)).unwrap());
    for version in 0..100 {
        let text = [&value(version)[..], b"!"].concat();
        assert_eq!(shown(&redaction, &text), "[redacted:key]!", "{version}");
    }
}

#[test]
fn escape_across_chunks_is_hidden() {
    let value = format!("{}\u{1f511}{}", "abc".repeat(21), "xyz".repeat(30));
    let redaction = knowing(&[("key", value.as_bytes())]);
    for (form, text) in forms(value.as_bytes()) {
        assert_eq!(shown(&redaction, &[&text[..], b"!"].concat()), "[redacted:key]!", "{form}");
    }
    let begun = format!("{}\\ud83d\\udd11!", "abc".repeat(21));
    assert_eq!(shown(&redaction, begun.as_bytes()), "[redacted:key]!", "it has a byte of the match");
}

#[test]
fn repeated_character_is_rejected() {
    let redaction = Redaction::new();
    for (value, learned) in [
        (&b"aaaa"[..], Err(LearnError::RepeatedCharacter)),
        (&[0; 4096], Err(LearnError::RepeatedCharacter)),
        (b"aaa", Err(LearnError::TooShort)),
        (b"aaab", Ok(())),
        (b"baaa", Ok(())),
        ("\u{e9}\u{e9}".as_bytes(), Ok(())),
    ] {
        assert_eq!(redaction.learn(&"key".parse().unwrap(), value), learned, "{value:?}");
    }
}

#[test]
fn shortest_value_matches_shorter_is_rejected() {
    let redaction = knowing(&[("pin", b"4711"), ("nothing", b"")]);
    for short in [&b"471"[..], b"47", b"4"] {
        assert_eq!(redaction.learn(&"digit".parse().unwrap(), short), Err(LearnError::TooShort));
    }
    for (form, text) in forms(b"4711") {
        assert_eq!(shown(&redaction, &text), "[redacted:pin]", "{form}");
    }
    for before in 0..3 {
        let text = STANDARD.encode([&b"::"[..before.min(2)], b"4711"].concat());
        assert!(shown(&redaction, text.as_bytes()).contains("[redacted:pin]"), "{text}");
    }
    assert_eq!(shown(&redaction, b"471 4 7 1 1"), "471 4 7 1 1");
}

#[test]
fn value_learned_mid_stream_matches_later() {
    let redaction = Redaction::new();
    let mut redactor = redaction.redactor();
    let mut shown = Vec::new();
    redactor.write(b"before, ", |piece| shown.push(format!("{piece:?}")));
    assert_eq!(shown.len(), 1, "no delay without a known value");
    redaction.learn(&"key".parse().unwrap(), b"value").unwrap();
    redactor.write(b"value", |piece| panic!("{piece:?} is undecided"));
    redactor.finish(|piece| shown.push(format!("{piece:?}")));
    assert_eq!(shown[1..], ["Marker(\"[redacted:key]\")", "Hidden(5)"]);
}

#[test]
fn every_version_matches_under_its_name() {
    let redaction =
        knowing(&[("key", b"version-1"), ("key", b"version-1"), ("key", b"version-2"), ("other", b"version-1")]);
    assert_eq!(shown(&redaction, b"version-1 version-2"), "[redacted:key] [redacted:key]");
    assert_eq!(redaction.end(), [("key".parse().unwrap(), 2)]);
}

#[test]
fn ended_redaction_learns_and_shows_nothing() {
    let redaction = knowing(&[("key", b"version-1")]);
    let mut redactor = redaction.redactor();
    redactor.write(b"version-", |_| panic!("not decided yet"));
    assert_eq!(redaction.end(), []);
    assert_eq!(redaction.learn(&"key".parse().unwrap(), b"version-2"), Err(LearnError::Ended));
    let mut out = |segment: Segment<'_>| assert!(matches!(segment, Segment::Hidden(_)), "{segment:?}");
    redactor.write(b"1", &mut out);
    redactor.finish(&mut out);
    assert_eq!(redaction.redact("version-1".to_owned(), 100), "");
}

#[test]
fn redacted_text_is_cut_to_limit() {
    let redaction = knowing(&[("key", b"4711")]);
    let text = "4711".repeat(1000);
    assert_eq!(redaction.redact(text.clone(), 20), "[redacted:key][redac");
    assert_eq!(Redaction::new().redact(text.clone(), 20), text, "the caller limits text without a value");
}

#[test]
fn debug_omits_value() {
    let redaction = knowing(&[("key", b"canary-value")]);
    let mut redactor = redaction.redactor();
    redactor.write(b"canary-", |_| {});
    assert!(!format!("{redaction:?} {redactor:?} {:#?}", redactor).contains("canary"));
}

/// Encodes a value in one of the forms, or percent-encodes some of its bytes.
fn written(value: &[u8], choice: u8, escaped: &[bool]) -> Vec<u8> {
    let forms = forms(value);
    match forms.get(usize::from(choice)) {
        Some((_, text)) => text.clone(),
        None => percent(value, |at, byte| byte == b'%' || escaped[at % escaped.len()], choice.is_multiple_of(2)),
    }
}

proptest! {
    #[test]
    fn value_matches_in_any_text(
        value in prop::collection::vec(any::<u8>(), 8..200),
        before in prop::collection::vec(any::<u8>(), 0..500),
        after in prop::collection::vec(any::<u8>(), 0..500),
        choice in 0_u8..20,
        escaped in prop::collection::vec(any::<bool>(), 1..40),
        sizes in prop::collection::vec(1_usize..300, 1..20),
    ) {
        let redaction = knowing(&[("key", &value)]);
        let text = [&before[..], &written(&value, choice, &escaped), &after].concat();
        let (mut pieces, mut rest) = (Vec::new(), &text[..]);
        for size in sizes.iter().cycle() {
            let (piece, more) = rest.split_at((*size).min(rest.len()));
            pieces.push(piece);
            rest = more;
            if rest.is_empty() { break; }
        }
        let shown = redacted(&redaction, &pieces);
        prop_assert!(shown.starts_with(&before[..before.len().saturating_sub(2)]));
        prop_assert!(shown.windows(14).any(|window| window == b"[redacted:key]"));
        prop_assert!(!shown.windows(value.len()).any(|window| window == value));
        prop_assert_eq!(&redacted(&redaction, &[&text[..]]), &shown, "splits make no difference");
    }

    #[test]
    fn text_without_value_passes_unchanged(
        values in prop::collection::vec(prop::collection::vec(any::<u8>(), 8..100), 1..65),
        text in prop::collection::vec(any::<u8>(), 0..20_000),
        letters in "[ -~\\n]{0,5000}",
    ) {
        let redaction = Redaction::new();
        for (number, value) in values.iter().enumerate() {
            redaction.learn(&format!("key-{number}").parse().unwrap(), value).unwrap();
        }
        let texts = [text.clone(), hex::encode(&text).into_bytes(), STANDARD.encode(&text).into_bytes(), letters.into_bytes()];
        for text in &texts {
            prop_assert_eq!(&redacted(&redaction, &[&text[..]]), text);
        }
        prop_assert_eq!(redaction.end(), []);
    }
}
