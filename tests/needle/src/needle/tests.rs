//! Tests of the search.

use super::*;

const VALUE: &[u8] = b"It's a \"Secret\" to Everybody, is it not?";

fn needle() -> Needle {
    Needle::new(MaskedValue::of(VALUE).unwrap()).unwrap()
}

#[test]
fn each_encoding_is_found_anywhere() {
    let needle = needle();
    for encoding in Encoding::ALL {
        let form: Vec<_> = encoding.encode(&needle.value).collect();
        for before in [0, 1, 4095] {
            let mut text = vec![b'.'; before];
            text.extend(&form);
            text.extend([b'.'; 7]);
            let hits = needle.find_in(&text);
            // Encodings share windows, which count for one of them.
            let start = hits.iter().map(|hit| hit.address).min();
            let end = hits.iter().map(|hit| hit.address + hit.len as u64).max();
            assert_eq!((start, end), (Some(before as u64), Some((before + form.len()) as u64)), "{encoding:?}");
        }
    }
}

#[test]
fn each_window_of_each_encoding_is_found() {
    let needle = needle();
    for encoding in Encoding::ALL {
        let form: Vec<_> = encoding.encode(&needle.value).collect();
        for window in form.windows(WINDOW) {
            let hits = needle.find_in(window);
            assert_eq!(hits.len(), 1, "{encoding:?}");
            assert_eq!((hits[0].len, hits[0].whole), (WINDOW, form.len() == WINDOW));
            assert!(needle.find_in(&window[1..]).is_empty(), "a shorter part is not found");
        }
    }
}

#[test]
fn similar_bytes_are_not_found() {
    let needle = needle();
    for at in 0..VALUE.len() {
        let mut text = VALUE[at.saturating_sub(WINDOW - 1)..VALUE.len().min(at + WINDOW)].to_vec();
        let changed = at.min(WINDOW - 1);
        text[changed] ^= 1;
        assert!(needle.find_in(&text).is_empty(), "without byte {at}");
    }
}

#[test]
fn overlapping_regions_find_match_once() {
    let needle = needle();
    let mut text = vec![0; 100];
    text.extend(VALUE);
    for cut in 90..150 {
        let cut = text.len().min(cut);
        let mut search = needle.search();
        search.feed(1000, &text[..cut]);
        search.feed(1000 + cut as u64 - 15, &text[cut - 15..]);
        let whole = Hit { address: 1100, len: VALUE.len(), encoding: Encoding::Raw, whole: true };
        assert_eq!(search.hits(), [whole]);
    }
}

#[test]
fn two_occurrences_are_found() {
    let hits = needle().find_in(&VALUE.repeat(2));
    assert_eq!(hits.iter().map(|hit| hit.address).collect::<Vec<_>>(), [0, VALUE.len() as u64]);
}

#[test]
fn unsuitable_value_is_rejected() {
    let error = |value: &[u8]| Needle::new(MaskedValue::of(value).unwrap()).err();
    assert_eq!(error(b"fifteen bytes .."), None);
    assert_eq!(error(b"fifteen bytes ."), Some(NeedleError::TooShort));
    assert_eq!(error("sixteen byt\u{e9}s ..".as_bytes()), Some(NeedleError::NotAscii));
}

#[test]
fn bytes_are_found_forward_and_reversed() {
    let bytes: Vec<u8> = (200..=255).collect();
    let needle = Needle::of_bytes(MaskedValue::of(&bytes).unwrap()).unwrap();
    let reversed: Vec<u8> = bytes.iter().rev().copied().collect();
    for form in [bytes, reversed] {
        assert!(needle.find_in(&form).iter().all(|hit| hit.whole && hit.len == 56));
        assert_eq!(needle.find_in(&form).len(), 1);
    }
}
