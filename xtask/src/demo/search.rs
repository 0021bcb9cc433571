//! Searches output and files for secret values.

use std::path::Path;

use far_needle::{MaskedValue, Needle};

use crate::failure::{Failure, OrFailure};

/// A secret value to search for in all encodings, with its name. The value is never shown.
pub(super) struct NamedNeedle {
    name: &'static str,
    needle: Needle,
}

impl NamedNeedle {
    pub(super) fn new(name: &'static str, value: &str) -> Result<Self, Failure> {
        let masked = MaskedValue::of(value.as_bytes()).or_failure("get random bytes")?;
        Ok(Self { name, needle: Needle::new(masked).or_failure(format!("search for the value of '{name}'"))? })
    }

    /// Returns the encoding of the first hit.
    fn found_in(&self, text: &[u8]) -> Option<&'static str> {
        self.needle.find_in(text).first().map(|hit| hit.encoding.as_str())
    }
}

/// A file or output stream to search.
pub(super) struct Haystack {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

impl Haystack {
    pub(super) fn file(path: &Path) -> Result<Self, Failure> {
        let bytes = std::fs::read(path).or_failure(format!("read {}", path.display()))?;
        Ok(Self { name: path.display().to_string(), bytes })
    }

    /// Reads all files below a folder except one.
    pub(super) fn files(folder: &Path, except: &Path) -> Result<Vec<Self>, Failure> {
        let action = || format!("list {}", folder.display());
        let mut haystacks = Vec::new();
        for entry in folder.read_dir().or_failure(action())? {
            let entry = entry.or_failure(action())?;
            let (path, kind) = (entry.path(), entry.file_type().or_failure(action())?);
            if kind.is_dir() {
                haystacks.extend(Self::files(&path, except)?);
            } else if path != except {
                haystacks.push(Self::file(&path)?);
            }
        }
        Ok(haystacks)
    }
}

/// Returns the hits as `NAME (ENCODING) in HAYSTACK`.
pub(super) fn hits(needles: &[NamedNeedle], haystacks: &[Haystack]) -> Vec<String> {
    let hit = |haystack: &Haystack, needle: &NamedNeedle| {
        let encoding = needle.found_in(&haystack.bytes)?;
        Some(format!("{} ({encoding}) in {}", needle.name, haystack.name))
    };
    haystacks.iter().flat_map(|haystack| needles.iter().filter_map(move |needle| hit(haystack, needle))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: &str = "It's a Secret?~ ";

    #[test]
    fn value_is_found_in_any_encoding() {
        let needle = NamedNeedle::new("secret", VALUE).unwrap();
        assert_eq!(needle.found_in(format!("{{\"x\":\"{VALUE}\"}}").as_bytes()), Some("raw"));
        assert_eq!(needle.found_in(format!("..{}..", hex::encode(VALUE)).as_bytes()), Some("hex"));
        assert_eq!(needle.found_in(b"It's a Secret"), None);
        assert!(NamedNeedle::new("secret", "too short").is_err());
    }

    #[test]
    fn all_files_except_one_are_searched() {
        let folder = tempfile::tempdir().unwrap();
        let env = folder.path().join(".env");
        std::fs::create_dir(folder.path().join("deep")).unwrap();
        std::fs::write(&env, VALUE).unwrap();
        std::fs::write(folder.path().join("deep/pal.jsonl"), format!("x{VALUE}")).unwrap();
        let needles = [NamedNeedle::new("secret", VALUE).unwrap()];
        let hits = hits(&needles, &Haystack::files(folder.path(), &env).unwrap());
        assert_eq!(hits, [format!("secret (raw) in {}", folder.path().join("deep/pal.jsonl").display())]);
    }
}
