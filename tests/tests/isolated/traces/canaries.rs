//! The canaries, and the search for them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use far_needle::{MaskedValue, Needle};

/// The values to search for. More are added as servers issue them.
#[derive(Clone, Default)]
pub(crate) struct Canaries(Arc<Mutex<Vec<Canary>>>);

struct Canary {
    name: String,
    needle: Needle,
}

impl Canaries {
    /// Creates a value with characters that encodings change. It is a valid header value.
    pub(crate) fn new_value(&self, name: &str) -> String {
        let value = format!("~+/=\"{}", random());
        self.learn(name, &value);
        value
    }

    /// Creates a value that is a valid name and token.
    pub(crate) fn new_word(&self, name: &str) -> String {
        let value = format!("w{}", random());
        self.learn(name, &value);
        value
    }

    /// Adds a text to the search.
    pub(crate) fn learn(&self, name: &str, text: &str) {
        self.add(name, Needle::new(MaskedValue::of(text.as_bytes()).unwrap()).unwrap());
    }

    /// Adds bytes to the search.
    pub(crate) fn learn_bytes(&self, name: &str, bytes: &[u8]) {
        self.add(name, Needle::of_bytes(MaskedValue::of(bytes).unwrap()).unwrap());
    }

    fn add(&self, name: &str, needle: Needle) {
        self.0.lock().unwrap().push(Canary { name: name.to_owned(), needle });
    }

    /// Returns the names of the canaries.
    pub(crate) fn names(&self) -> Vec<String> {
        self.0.lock().unwrap().iter().map(|canary| canary.name.clone()).collect()
    }

    /// Returns one line for each canary, for [`Self::read`].
    pub(crate) fn serialize(&self) -> String {
        let canaries = self.0.lock().unwrap();
        let line = |canary: &Canary| format!("{} {}\n", canary.name, hex::encode(bytes(&canary.needle)));
        canaries.iter().map(line).collect()
    }

    /// Parses the canaries of another process.
    pub(crate) fn read(text: &str) -> Self {
        let canaries = Self::default();
        for (name, value) in text.lines().filter_map(|line| line.split_once(' ')) {
            let value = hex::decode(value).unwrap();
            match std::str::from_utf8(&value).ok().filter(|text| text.is_ascii()) {
                Some(text) => canaries.learn(name, text),
                None => canaries.learn_bytes(name, &value),
            }
        }
        canaries
    }

    /// Searches one place, and describes each match with its surroundings.
    pub(crate) fn found_in(&self, place: &str, content: &[u8]) -> Vec<String> {
        let listed = listed(content);
        let canaries = self.0.lock().unwrap();
        let mut found = Vec::new();
        for canary in &*canaries {
            for (text, form) in [(content, ""), (&listed, ", as numbers in a list")] {
                // One match for each canary is enough.
                let Some(hit) = canary.needle.find_in(text).into_iter().next() else { continue };
                let at = hit.address as usize;
                let around = &text[at.saturating_sub(200)..text.len().min(at + hit.len + 80)];
                let (encoding, around) = (hit.encoding.as_str(), String::from_utf8_lossy(around));
                found.push(format!("{}, {encoding}{form}, in {place}: …{around}…", canary.name));
            }
        }
        found
    }

    /// Searches every path, file and link target below a folder, except these.
    pub(crate) fn found_below(&self, folder: &Path, except: &[PathBuf]) -> Vec<String> {
        let mut found = Vec::new();
        for path in entries(folder).into_iter().filter(|path| !except.contains(path)) {
            let place = format!("the file {}", path.display());
            found.extend(self.found_in(&place, path.as_os_str().as_encoded_bytes()));
            let kind = fs::symlink_metadata(&path).unwrap().file_type();
            if kind.is_dir() {
                found.extend(self.found_below(&path, except));
            } else if kind.is_file() {
                found.extend(self.found_in(&place, &fs::read(&path).unwrap()));
            } else if kind.is_symlink() {
                let target = fs::read_link(&path).unwrap();
                found.extend(self.found_in(&place, target.as_os_str().as_encoded_bytes()));
            }
        }
        found
    }
}

/// Returns the entries of a folder.
pub(crate) fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// Returns the bytes in lists of numbers, the form in which `Debug` prints bytes. Other words
/// become separators.
fn listed(content: &[u8]) -> Vec<u8> {
    let numbers =
        content.split(|byte| matches!(byte, b',' | b'[' | b']' | b' ' | b'\n')).filter(|word| !word.is_empty());
    numbers.map(|word| std::str::from_utf8(word).ok().and_then(|word| word.parse().ok()).unwrap_or(0)).collect()
}

fn random() -> String {
    hex::encode(MaskedValue::random(16).unwrap().bytes().collect::<Vec<_>>())
}

fn bytes(needle: &Needle) -> Vec<u8> {
    needle.value().bytes().collect()
}
