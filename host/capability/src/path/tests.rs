//! Tests of the path rule against several lenient decoders.

use std::collections::BTreeMap;

use icu_normalizer::ComposingNormalizer;
use percent_encoding::percent_decode;
use proptest::prelude::*;

use super::*;

/// Paths by the expected result.
const TABLE: &str = include_str!("../../tests/tables/paths.json");

#[test]
fn paths_pass_as_table_says() {
    let table: BTreeMap<String, Vec<String>> = serde_json::from_str(TABLE).unwrap();
    for path in &table["plain"] {
        assert!(is_plain(&format!("/{path}")), "{path}");
        assert!(!reads_dots(&format!("/{path}")), "{path}");
    }
    for path in &table["refused"] {
        assert!(!is_plain(&format!("/{path}")), "{path}");
    }
}

#[test]
fn long_paths_are_decoded_in_linear_time() {
    let path = format!("/v1/..{}2f", "%25".repeat(200_000));
    assert!(!is_plain(&path));
    let path = format!("/v1/%{}2e", "25".repeat(300_000));
    assert!(!is_plain(&path));
}

/// A letter that normalizes to a string with a dot or a slash has an anchor in each part of it.
#[test]
fn compatibility_forms_keep_an_anchor() {
    let nfkc = ComposingNormalizer::new_nfkc();
    for char in ('\u{80}'..=char::MAX).filter(|char| matches!(Role::of_char(*char), Some(Role::Other))) {
        let form = nfkc.normalize(char.encode_utf8(&mut [0; 4])).into_owned();
        if form.contains(['.', '/', '\\']) {
            let is_anchored = |part: &str| part.bytes().any(|byte| byte.is_ascii_alphanumeric());
            assert!(form.split(['/', '\\']).all(is_anchored), "{char:?} {form:?}");
        }
    }
}

/// Reports whether any decoder reads a dot segment in a path.
fn reads_dots(path: &str) -> bool {
    let mut decoded: Vec<u8> = path.as_bytes().to_vec();
    (0..4).any(|_| {
        let found = texts(&decoded).iter().any(|text| has_dots(text));
        decoded = percent_decode(&percent_u(&decoded)).collect();
        found
    })
}

/// Decodes `%uXXXX`, as IIS does.
fn percent_u(bytes: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        let code = rest.get(1..6).filter(|code| *first == b'%' && code[0].eq_ignore_ascii_case(&b'u'));
        let code =
            code.and_then(|code| str::from_utf8(&code[1..]).ok()).and_then(|hex| u32::from_str_radix(hex, 16).ok());
        match code.and_then(char::from_u32) {
            Some(char) => {
                decoded.extend(char.encode_utf8(&mut [0; 4]).bytes());
                rest = &rest[6..];
            }
            None => {
                decoded.push(*first);
                rest = after;
            }
        }
    }
    decoded
}

/// Decodes bytes as strict UTF-8 and as UTF-8 with overlong forms. Maps both by a codepage's best
/// fit and by a normalizer, each also without non-ASCII characters.
fn texts(bytes: &[u8]) -> Vec<String> {
    let strict = String::from_utf8_lossy(bytes).into_owned();
    let overlong = overlong(bytes);
    let mut texts = vec![strict.clone(), overlong.clone()];
    for text in [strict, overlong] {
        let best_fit: String = text.chars().map(best_fit).collect();
        let normalized = ComposingNormalizer::new_nfkc().normalize(&text).into_owned();
        for text in [&text, &best_fit, &normalized] {
            texts.push(text.chars().filter(char::is_ascii).collect());
        }
        texts.extend([best_fit, normalized]);
    }
    texts
}

/// Decodes UTF-8, and accepts overlong forms and invalid continuation bytes.
fn overlong(bytes: &[u8]) -> String {
    let mut text = String::new();
    let mut at = 0;
    while let Some(first) = bytes.get(at) {
        let (len, head) = match first {
            0..=0x7f => (1, *first),
            0xc0..=0xdf => (2, first & 0x1f),
            0xe0..=0xef => (3, first & 0x0f),
            0xf0..=0xf7 => (4, first & 0x07),
            _ => (1, first & 0x7f),
        };
        let more = bytes.iter().skip(at + 1).take(len - 1);
        let code = more.fold(u32::from(head), |code, byte| code << 6 | u32::from(byte & 0x3f));
        text.push(char::from_u32(code).unwrap_or('?'));
        at += len;
    }
    text
}

fn best_fit(char: char) -> char {
    match char {
        '\u{b7}' | '\u{2022}' | '\u{2024}' | '\u{2219}' | '\u{22c5}' | '\u{3002}' | '\u{30fb}' | '\u{fe52}'
        | '\u{ff0e}' | '\u{ff61}' | '\u{6d4}' => '.',
        '\u{2044}' | '\u{2215}' | '\u{29f8}' | '\u{ff0f}' => '/',
        '\u{a5}' | '\u{20a9}' | '\u{2216}' | '\u{29f5}' | '\u{fe68}' | '\u{ff3c}' => '\\',
        other => other,
    }
}

/// Searches for a dot segment after cutting segments or dropping characters.
fn has_dots(text: &str) -> bool {
    let is_dots = |segment: &str| matches!(segment, "." | "..");
    let is_word = |char: char| char.is_ascii_alphanumeric() || "-_~".contains(char);
    text.split(['/', '\\', ':']).any(|segment| {
        let cuts = segment.char_indices().filter(|(_, char)| *char != '.' && !is_word(*char)).map(|(at, _)| at);
        let left: [&dyn Fn(&char) -> bool; 5] = [
            &|char| !char.is_control(),
            &|char| !char.is_whitespace(),
            &|char| char.is_ascii(),
            &|char| !"\u{ad}\u{200b}\u{200c}\u{200d}\u{2060}\u{3164}\u{fe0f}\u{feff}".contains(*char),
            &|char| *char == '.' || is_word(*char),
        ];
        cuts.chain([segment.len()]).any(|cut| {
            let segment = &segment[..cut];
            is_dots(segment) || left.iter().any(|left| is_dots(&segment.chars().filter(left).collect::<String>()))
        })
    }) || text.split(';').next().is_some_and(|text| text.split('/').any(is_dots))
}

fn fragments() -> impl Strategy<Value = String> {
    let fragment = prop::sample::select(vec![
        "/",
        "/",
        "/",
        ".",
        ".",
        ".",
        "..",
        "a",
        "x",
        "-",
        "n",
        "%41",
        "%2541",
        "%2e",
        "%252e",
        "%2f",
        "%252f",
        "%5c",
        "%255c",
        ";",
        "%3b",
        "%253b",
        "+",
        ":",
        "=",
        ",",
        "@",
        "'",
        "*",
        "%20",
        "%2520",
        "%3f",
        "%23",
        "%25",
        "%2525",
        "%00",
        "%0a",
        "%09",
        "%7f",
        "%c0%ae",
        "%e0%80%ae",
        "%c0%af",
        "%c0",
        "%ae",
        "%e9",
        "%ef%bc%8e",
        "%e2%80%a4",
        "%e2%80%a5",
        "%e2%80%a6",
        "%ef%b9%92",
        "%e3%80%82",
        "%c2%b7",
        "%ef%bc%8f",
        "%e2%88%95",
        "%c2%a5",
        "%ef%bc%bc",
        "%e2%80%8b",
        "%c2%a0",
        "%c2%ad",
        "%cc%81",
        "%e3%85%a4",
        "%e6%9d%b1",
        "%e2%80%93",
        "%f0%9f%90%9b",
        "%25u002e",
        "%25uff0e",
        "%u002e",
        "u002e",
        "2e",
        "2f",
        "%",
        "%2",
    ]);
    prop::collection::vec(fragment, 0..9).prop_map(|fragments| format!("/{}", fragments.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn plain_path_has_no_decoded_dots(path in fragments()) {
        prop_assert!(!is_plain(&path) || !reads_dots(&path), "{path}");
    }

    #[test]
    fn plain_bytes_have_no_decoded_dots(bytes in prop::collection::vec(any::<u8>(), 0..8), dots in "[./]{0,3}") {
        let encoded: String = bytes.iter().map(|byte| format!("%{byte:02x}")).collect();
        for path in [format!("/{dots}{encoded}"), format!("/{encoded}{dots}"), format!("/x{encoded}{dots}")] {
            prop_assert!(!is_plain(&path) || !reads_dots(&path), "{path}");
        }
    }

    #[test]
    fn ordinary_paths_are_plain(path in "(/[a-zA-Z0-9_~-]{1,4}[a-z.!$&'()*+,;=@-]{0,6}|/\\.{0,2}[a-z]{1,4}){0,5}") {
        prop_assert!(is_plain(&path), "{path}");
    }
}
