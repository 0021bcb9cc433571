//! `.env` files.

use far_providers::dotenv::internal::parse;

use crate::canary::{assert_clean, planted};

pub(super) const TOKENS: &[&str] =
    &["=", "\n", "\r\n", "export ", "'", "\"", "\\n", "\\\"", "\\$", " #", "\t#", "\u{feff}", "KEY=", "a_b=", "\0"];

/// Checks that no error contains a part of the file, and that values survive a round trip.
pub fn dotenv(data: &[u8]) {
    if let Ok(text) = str::from_utf8(data) {
        let pick = data.iter().fold(data.len(), |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(*byte)));
        if let Err(error) = parse(planted(text, pick).as_bytes()) {
            assert_clean(&error);
            assert_clean(&error.help());
        }
    }
    let Ok(secrets) = parse(data) else { return };
    let mut written = String::new();
    for (name, value) in &secrets {
        let value = str::from_utf8(value.expose()).expect("a UTF-8 file has UTF-8 values");
        assert!(!value.contains('\0'));
        let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\r', "\\r");
        // Writes a key for the same name. A name may begin with a digit, which a key may not.
        written.push_str(&format!("{}=\"{escaped}\"\n", name.as_str().replace('-', "_").to_uppercase()));
    }
    let again = parse(written.as_bytes()).expect("a written file parses");
    let pairs = |secrets: &std::collections::BTreeMap<_, far_core::memory::SecretBytes>| -> Vec<(String, Vec<u8>)> {
        secrets.iter().map(|(name, value)| (far_core::SecretName::to_string(name), value.expose().to_vec())).collect()
    };
    assert_eq!(pairs(&again), pairs(&secrets));
}
