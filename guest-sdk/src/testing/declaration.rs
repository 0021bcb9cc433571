//! What a skill declares, as a test is told it.

use crate::secrets::Operation;

/// The secrets that a skill declares.
#[derive(Clone, Copy, Debug)]
pub struct Declaration {
    /// Each name once.
    pub secrets: &'static [DeclaredSecret],
}

/// A secret that a skill declares. [`declaration!`](crate::declaration) reads it from `skill.json`; written by hand, it is
///
/// ```
/// use far_skill::secrets::Operation;
/// use far_skill::testing::{DeclaredSecret, Jwt};
///
/// const APP_KEY: DeclaredSecret = DeclaredSecret::new("app-key", &[Operation::Sign, Operation::Seal])
///     .sent_to(&["POST https://api.github.com/app"])
///     .signing_tokens(Jwt::new().issuer("4711"));
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct DeclaredSecret {
    /// The secret's name.
    pub name: &'static str,
    /// What the skill does with it; never empty.
    pub operations: &'static [Operation],
    /// Whether the skill runs without it.
    pub optional: bool,
    /// Where it is sent, as `skill.json` has it: `[METHOD[,METHOD]… ]https://HOST[:PORT][/PATH]`.
    pub destinations: &'static [&'static str],
    /// Where in a request it stands: `authorization`, `header:NAME`, `query:NAME` or `client-certificate`.
    pub placements: &'static [&'static str],
    /// What is said of the tokens that it signs; none for a key that signs messages.
    pub tokens: Option<Jwt>,
}

/// What a skill declares of the JSON Web Tokens that a key signs. What it says nothing of is the operator's to say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Jwt {
    /// The algorithm.
    pub algorithm: Option<Algorithm>,
    /// The header's `kid`.
    pub key_id: Option<&'static str>,
    /// The claim `iss`.
    pub issuer: Option<&'static str>,
    /// The claim `sub`.
    pub subject: Option<&'static str>,
    /// The claim `aud`.
    pub audience: Option<&'static str>,
}

/// A signature algorithm of JSON Web Tokens that the host has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// HMAC-SHA-256, under a key of 32 bytes or more.
    Hs256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl DeclaredSecret {
    /// A required secret for these operations.
    pub const fn new(name: &'static str, operations: &'static [Operation]) -> Self {
        let placements = &["authorization"];
        Self { name, operations, optional: false, destinations: &[], placements, tokens: None }
    }

    /// The skill runs without it too.
    #[must_use]
    pub const fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// It is sent there and nowhere else.
    #[must_use]
    pub const fn sent_to(mut self, destinations: &'static [&'static str]) -> Self {
        self.destinations = destinations;
        self
    }

    /// It stands there in a request, in place of the `authorization` header.
    #[must_use]
    pub const fn placed(mut self, placements: &'static [&'static str]) -> Self {
        self.placements = placements;
        self
    }

    /// It signs tokens, and no messages.
    #[must_use]
    pub const fn signing_tokens(mut self, tokens: Jwt) -> Self {
        self.tokens = Some(tokens);
        self
    }
}

impl Jwt {
    /// Tokens of which nothing is said.
    pub const fn new() -> Self {
        Self { algorithm: None, key_id: None, issuer: None, subject: None, audience: None }
    }

    /// They are signed by this algorithm.
    #[must_use]
    pub const fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = Some(algorithm);
        self
    }

    /// They have this header `kid`.
    #[must_use]
    pub const fn key_id(mut self, key_id: &'static str) -> Self {
        self.key_id = Some(key_id);
        self
    }

    /// They have this claim `iss`.
    #[must_use]
    pub const fn issuer(mut self, issuer: &'static str) -> Self {
        self.issuer = Some(issuer);
        self
    }

    /// They have this claim `sub`.
    #[must_use]
    pub const fn subject(mut self, subject: &'static str) -> Self {
        self.subject = Some(subject);
        self
    }

    /// They have this claim `aud`.
    #[must_use]
    pub const fn audience(mut self, audience: &'static str) -> Self {
        self.audience = Some(audience);
        self
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl Declaration {
    pub(super) fn get(&self, name: &str) -> Option<&DeclaredSecret> {
        self.secrets.iter().find(|declared| declared.name == name)
    }
}
