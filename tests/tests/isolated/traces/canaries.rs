//! What must not be found, and the search for it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use far_needle::{Masked, Needle};

/// The values that are looked for. More are learnt as servers make them.
#[derive(Clone, Default)]
pub(crate) struct Canaries(Arc<Mutex<Vec<Canary>>>);

struct Canary {
    name: String,
    needle: Needle,
}

impl Canaries {
    /// A new value, of characters that encodings change. It is a valid value of a header.
    pub(crate) fn new_value(&self, name: &str) -> String {
        let value = format!("~+/=\"{}", random());
        self.learn(name, &value);
        value
    }

    /// A new value that may stand wherever a name or a token may.
    pub(crate) fn new_word(&self, name: &str) -> String {
        let value = format!("w{}", random());
        self.learn(name, &value);
        value
    }

    /// Looks for this text from now on.
    pub(crate) fn learn(&self, name: &str, text: &str) {
        self.keep(name, Needle::new(Masked::of(text.as_bytes()).unwrap()).unwrap());
    }

    /// Looks for these bytes from now on.
    pub(crate) fn learn_bytes(&self, name: &str, bytes: &[u8]) {
        self.keep(name, Needle::of_bytes(Masked::of(bytes).unwrap()).unwrap());
    }

    fn keep(&self, name: &str, needle: Needle) {
        self.0.lock().unwrap().push(Canary { name: name.to_owned(), needle });
    }

    /// Those that were made, by name.
    pub(crate) fn names(&self) -> Vec<String> {
        self.0.lock().unwrap().iter().map(|canary| canary.name.clone()).collect()
    }

    /// A line for each, to be read by [`Self::read`].
    pub(crate) fn written(&self) -> String {
        let canaries = self.0.lock().unwrap();
        let line = |canary: &Canary| format!("{} {}\n", canary.name, hex::encode(bytes(&canary.needle)));
        canaries.iter().map(line).collect()
    }

    /// Those that another process wrote.
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

    /// Looks at one place; each find is told with what stands around it.
    pub(crate) fn found_in(&self, place: &str, content: &[u8]) -> Vec<String> {
        let listed = listed(content);
        let canaries = self.0.lock().unwrap();
        let mut found = Vec::new();
        for canary in &*canaries {
            for (text, how) in [(content, ""), (&listed, ", as numbers in a list")] {
                // One tells as much as a thousand.
                let Some(hit) = canary.needle.find_in(text).into_iter().next() else { continue };
                let at = hit.address as usize;
                let around = &text[at.saturating_sub(200)..text.len().min(at + hit.len + 80)];
                let (encoding, around) = (hit.encoding.as_str(), String::from_utf8_lossy(around));
                found.push(format!("{}, {encoding}{how}, in {place}: …{around}…", canary.name));
            }
        }
        found
    }

    /// Looks at every file below a folder but for these, at its name, and at what a link says.
    pub(crate) fn found_below(&self, folder: &Path, but: &[PathBuf]) -> Vec<String> {
        let mut found = Vec::new();
        for path in entries(folder).into_iter().filter(|path| !but.contains(path)) {
            let place = format!("the file {}", path.display());
            found.extend(self.found_in(&place, path.as_os_str().as_encoded_bytes()));
            let kind = fs::symlink_metadata(&path).unwrap().file_type();
            if kind.is_dir() {
                found.extend(self.found_below(&path, but));
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

/// What is in a folder.
pub(crate) fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// The bytes that stand in lists of numbers, as `Debug` writes bytes: what is no number, or above 255, separates them.
fn listed(content: &[u8]) -> Vec<u8> {
    let numbers =
        content.split(|byte| matches!(byte, b',' | b'[' | b']' | b' ' | b'\n')).filter(|word| !word.is_empty());
    numbers.map(|word| std::str::from_utf8(word).ok().and_then(|word| word.parse().ok()).unwrap_or(0)).collect()
}

fn random() -> String {
    hex::encode(Masked::random(16).unwrap().bytes().collect::<Vec<_>>())
}

fn bytes(needle: &Needle) -> Vec<u8> {
    needle.value().bytes().collect()
}
