//! What a skill declares, as a test is told it.

use crate::secrets::Operation;

/// The secrets that a skill declares.
#[derive(Clone, Copy, Debug)]
pub struct Declaration {
    /// Each name once.
    pub secrets: &'static [DeclaredSecret],
}

/// A secret that a skill declares.
#[derive(Clone, Copy, Debug)]
pub struct DeclaredSecret {
    /// The secret's name.
    pub name: &'static str,
    /// What the skill does with it; never empty.
    pub operations: &'static [Operation],
    /// Whether the skill runs without it.
    pub optional: bool,
}

#[cfg(not(target_arch = "wasm32"))]
impl Declaration {
    pub(super) fn get(&self, name: &str) -> Option<&DeclaredSecret> {
        self.secrets.iter().find(|declared| declared.name == name)
    }
}
