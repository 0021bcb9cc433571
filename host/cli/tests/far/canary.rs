//! A search for secret values in everything that a run printed and wrote.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Values that must not appear, raw and encoded.
pub(crate) struct Canaries(Vec<Vec<u8>>);

impl Canaries {
    /// Returns the values of `.env` files, and the keys, which may be misplaced values.
    pub(crate) fn of(env_files: &[String]) -> Self {
        let pieces = env_files.iter().flat_map(|text| text.lines()).flat_map(|line| line.splitn(2, '='));
        let pieces = pieces.map(|piece| piece.trim_matches(['"', '\'', ' ']).as_bytes());
        // Shorter strings match by chance, and PEM markers match all PEM.
        let is_telling = |piece: &&[u8]| piece.len() >= 8 && !piece.starts_with(b"-----");
        Self(pieces.filter(is_telling).flat_map(forms).collect())
    }

    #[track_caller]
    pub(crate) fn assert_none_in(&self, place: &str, bytes: &[u8]) {
        let is_in = |canary: &Vec<u8>| bytes.windows(canary.len()).any(|window| window == canary);
        assert!(!self.0.iter().any(is_in), "a value in {place}");
    }

    /// Searches every file of a folder except those whose names end in `.env`.
    #[track_caller]
    pub(crate) fn assert_none_in_files(&self, folder: &Path) {
        for entry in folder.read_dir().unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            if entry.file_type().unwrap().is_file() && !name.ends_with(".env") {
                self.assert_none_in(&format!("the file {name}"), &std::fs::read(entry.path()).unwrap());
            }
        }
    }
}

fn forms(value: &[u8]) -> Vec<Vec<u8>> {
    let hex: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![value.to_vec(), hex.to_uppercase().into_bytes(), hex.into_bytes()];
    // At any offset of the value, one of these groups of three bytes aligns with base64.
    for start in 0..3 {
        let rest = value.get(start..).unwrap_or_default();
        let (groups, _) = rest.split_at(rest.len() / 3 * 3);
        forms.extend([STANDARD_NO_PAD.encode(groups).into_bytes(), URL_SAFE_NO_PAD.encode(groups).into_bytes()]);
    }
    forms
}

#[test]
fn search_finds_every_encoding() {
    let canaries = Canaries::of(&["A=\"a canary?~\"\nno assignment\nB=x\n".to_owned()]);
    let hidden =
        |text: String| std::panic::catch_unwind(|| canaries.assert_none_in("a test", text.as_bytes())).is_err();
    for value in ["a canary?~", "no assignment"] {
        for before in ["", "1", "12", "123"] {
            let text = format!("{before}{value}4");
            assert!(hidden(STANDARD_NO_PAD.encode(&text)) && hidden(URL_SAFE_NO_PAD.encode(&text)) && hidden(text));
        }
        let hex: String = value.bytes().map(|byte| format!("{byte:02x}")).collect();
        assert!(hidden(hex.to_uppercase()) && hidden(hex));
    }
    assert!(!hidden("a canary, and an assignment; x".to_owned()));
}
