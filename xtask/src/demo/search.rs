//! Looking for values where none may be.

use std::path::Path;

use far_needle::{Masked, Needle};

use crate::failure::{Failure, OrFailure};

/// A value that is looked for, in every form.
pub(super) struct Sought {
    /// What the value is called; the value itself is never shown.
    name: &'static str,
    needle: Needle,
}

impl Sought {
    pub(super) fn new(name: &'static str, value: &str) -> Result<Self, Failure> {
        let masked = Masked::of(value.as_bytes()).or_failure("get random bytes")?;
        Ok(Self { name, needle: Needle::new(masked).or_failure(format!("look for the value of '{name}'"))? })
    }

    /// The form that is found first.
    fn found_in(&self, text: &[u8]) -> Option<&'static str> {
        self.needle.find_in(text).first().map(|hit| hit.encoding.as_str())
    }
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
pub(super) fn hits(sought: &[Sought], places: &[Place]) -> Vec<String> {
    let hit = |place: &Place, sought: &Sought| {
        sought.found_in(&place.bytes).map(|encoding| format!("{} ({encoding}) in {}", sought.name, place.name))
    };
    places.iter().flat_map(|place| sought.iter().filter_map(move |sought| hit(place, sought))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: &str = "It's a Secret?~ ";

    #[test]
    fn a_value_is_found_in_the_form_that_it_has() {
        let sought = Sought::new("secret", VALUE).unwrap();
        assert_eq!(sought.found_in(format!("{{\"x\":\"{VALUE}\"}}").as_bytes()), Some("raw"));
        assert_eq!(sought.found_in(format!("..{}..", hex::encode(VALUE)).as_bytes()), Some("hex"));
        assert_eq!(sought.found_in(b"It's a Secret"), None);
        assert!(Sought::new("secret", "too short").is_err());
    }

    #[test]
    fn every_file_but_one_is_searched() {
        let folder = tempfile::tempdir().unwrap();
        let env = folder.path().join(".env");
        std::fs::create_dir(folder.path().join("deep")).unwrap();
        std::fs::write(&env, VALUE).unwrap();
        std::fs::write(folder.path().join("deep/pal.jsonl"), format!("x{VALUE}")).unwrap();
        let sought = [Sought::new("secret", VALUE).unwrap()];
        let hits = hits(&sought, &Place::files(folder.path(), &env).unwrap());
        assert_eq!(hits, [format!("secret (raw) in {}", folder.path().join("deep/pal.jsonl").display())]);
    }
}
