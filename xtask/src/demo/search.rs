//! Looking for values where none may be.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use crate::failure::{Failure, OrFailure};

/// A value, in every form that is looked for.
pub(super) struct Needle {
    /// What the value is called; the value itself is never shown.
    name: &'static str,
    forms: Vec<(&'static str, Vec<u8>)>,
}

impl Needle {
    pub(super) fn of(name: &'static str, value: &str) -> Self {
        let value = value.as_bytes();
        let mut forms = vec![
            ("raw", value.to_vec()),
            ("hex", hex::encode(value).into_bytes()),
            ("hex", hex::encode_upper(value).into_bytes()),
        ];
        for before in 0..3 {
            forms.push(("base64", base64_within(&STANDARD_NO_PAD, before, value)));
            forms.push(("base64", base64_within(&URL_SAFE_NO_PAD, before, value)));
        }
        Self { name, forms }
    }

    fn found_in(&self, text: &[u8]) -> Option<&'static str> {
        let holds = |form: &[u8]| text.windows(form.len()).any(|window| window == form);
        self.forms.iter().find(|(_, form)| holds(form)).map(|(encoding, _)| *encoding)
    }
}

/// What base64 makes of a value that stands after so many other bytes, without the characters at its edges that depend
/// on its neighbours.
fn base64_within(engine: &impl Engine, before: usize, value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; before];
    bytes.extend_from_slice(value);
    let encoded = engine.encode(&bytes).into_bytes();
    let first = (before * 8).div_ceil(6);
    let end = bytes.len() * 8 / 6;
    encoded.get(first..end).unwrap_or_default().to_vec()
}

/// A place that is searched.
pub(super) struct Place {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

impl Place {
    pub(super) fn file(path: &Path) -> Result<Self, Failure> {
        let bytes = std::fs::read(path).or_failure(format!("read {}", path.display()))?;
        Ok(Self { name: path.display().to_string(), bytes })
    }

    /// Every file in a folder and those within it, but for one.
    pub(super) fn files(folder: &Path, except: &Path) -> Result<Vec<Self>, Failure> {
        let what = || format!("list {}", folder.display());
        let mut places = Vec::new();
        for entry in folder.read_dir().or_failure(what())? {
            let entry = entry.or_failure(what())?;
            let (path, kind) = (entry.path(), entry.file_type().or_failure(what())?);
            if kind.is_dir() {
                places.extend(Self::files(&path, except)?);
            } else if path != except {
                places.push(Self::file(&path)?);
            }
        }
        Ok(places)
    }
}

/// Where each value stands, as `VALUE (ENCODING) in PLACE`.
pub(super) fn hits(needles: &[Needle], places: &[Place]) -> Vec<String> {
    let hit = |place: &Place, needle: &Needle| {
        needle.found_in(&place.bytes).map(|encoding| format!("{} ({encoding}) in {}", needle.name, place.name))
    };
    places.iter().flat_map(|place| needles.iter().filter_map(move |needle| hit(place, needle))).collect()
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};

    use super::*;

    const VALUE: &str = "It's a Secret?~";

    fn found(text: impl AsRef<[u8]>) -> Option<&'static str> {
        Needle::of("secret", VALUE).found_in(text.as_ref())
    }

    #[test]
    fn a_value_is_found_raw_and_in_hex() {
        assert_eq!(found(format!("{{\"x\":\"{VALUE}\"}}")), Some("raw"));
        assert_eq!(found(format!("..{}..", hex::encode(VALUE))), Some("hex"));
        assert_eq!(found(format!("..{}..", hex::encode_upper(VALUE))), Some("hex"));
    }

    #[test]
    fn a_value_is_found_in_base64_wherever_it_stands_in_what_was_encoded() {
        for before in ["", "a", "ab", "abc", "Bearer "] {
            for after in ["", "z", "zy", "zyx"] {
                let text = format!("{before}{VALUE}{after}");
                assert_eq!(found(STANDARD.encode(&text)), Some("base64"), "{text}");
                assert_eq!(found(URL_SAFE.encode(&text)), Some("base64"), "{text}");
            }
        }
    }

    #[test]
    fn what_only_resembles_a_value_is_not_found() {
        for text in ["", "It's a Secret", "It's a secret?~", &hex::encode("It's a Secret"), &STANDARD.encode("It's")] {
            assert_eq!(found(text), None, "{text}");
        }
    }

    #[test]
    fn every_file_but_one_is_searched() {
        let folder = tempfile::tempdir().unwrap();
        let env = folder.path().join(".env");
        std::fs::create_dir(folder.path().join("deep")).unwrap();
        std::fs::write(&env, VALUE).unwrap();
        std::fs::write(folder.path().join("deep/pal.jsonl"), format!("x{VALUE}")).unwrap();
        let needles = [Needle::of("secret", VALUE)];
        let hits = hits(&needles, &Place::files(folder.path(), &env).unwrap());
        assert_eq!(hits, [format!("secret (raw) in {}", folder.path().join("deep/pal.jsonl").display())]);
    }
}
