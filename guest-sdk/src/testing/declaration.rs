//! Declarations of skills, for tests.

use crate::secrets::Operation;

/// The secrets that a skill declares.
#[derive(Clone, Copy, Debug)]
pub struct Declaration {
    /// The secrets, each with a unique name.
    pub secrets: &'static [DeclaredSecret],
}

/// A secret that a skill declares.
///
/// [`declaration!`](crate::declaration) reads it from `skill.json`. A test can also construct it:
///
/// ```
/// use far_skill::secrets::Operation;
/// use far_skill::testing::{DeclaredSecret, Jwt};
///
/// const OPERATIONS: &[Operation] = &[Operation::Sign, Operation::Seal];
/// const APP_KEY: DeclaredSecret = DeclaredSecret::new("app-key", OPERATIONS)
///     .destinations(&["POST https://api.github.com/app"])
///     .jwt(Jwt::new().issuer("4711"));
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct DeclaredSecret {
    /// The secret's name.
    pub name: &'static str,
    /// The operations that the skill performs; never empty.
    pub operations: &'static [Operation],
    /// True if the skill also runs without the secret.
    pub optional: bool,
    /// The destinations of the secret, as in `skill.json`: `[METHOD[,METHOD]…
    /// ]https://HOST[:PORT][/PATH]`.
    pub destinations: &'static [&'static str],
    /// The placements of the secret in a request: `authorization`, `header:NAME`, `query:NAME` or
    /// `client-certificate`.
    pub placements: &'static [&'static str],
    /// The terms of the tokens that the key signs, or `None` for a key that signs messages.
    pub jwt: Option<Jwt>,
}

/// The declared terms of the JSON Web Tokens that a key signs. The operator sets the terms that are
/// `None`.
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

/// A signature algorithm of JSON Web Tokens.
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
    /// Creates a required secret with these operations and the placement `authorization`.
    pub const fn new(name: &'static str, operations: &'static [Operation]) -> Self {
        let placements = &["authorization"];
        Self { name, operations, optional: false, destinations: &[], placements, jwt: None }
    }

    /// Makes the secret optional.
    #[must_use]
    pub const fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Sets the only destinations of the secret.
    #[must_use]
    pub const fn destinations(mut self, destinations: &'static [&'static str]) -> Self {
        self.destinations = destinations;
        self
    }

    /// Sets the placements of the secret, in place of the `authorization` header.
    #[must_use]
    pub const fn placements(mut self, placements: &'static [&'static str]) -> Self {
        self.placements = placements;
        self
    }

    /// Makes the secret a key that signs tokens, not messages.
    #[must_use]
    pub const fn jwt(mut self, jwt: Jwt) -> Self {
        self.jwt = Some(jwt);
        self
    }
}

impl Jwt {
    /// Creates terms that leave everything to the operator.
    pub const fn new() -> Self {
        Self { algorithm: None, key_id: None, issuer: None, subject: None, audience: None }
    }

    /// Sets the algorithm.
    #[must_use]
    pub const fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = Some(algorithm);
        self
    }

    /// Sets the header's `kid`.
    #[must_use]
    pub const fn key_id(mut self, key_id: &'static str) -> Self {
        self.key_id = Some(key_id);
        self
    }

    /// Sets the claim `iss`.
    #[must_use]
    pub const fn issuer(mut self, issuer: &'static str) -> Self {
        self.issuer = Some(issuer);
        self
    }

    /// Sets the claim `sub`.
    #[must_use]
    pub const fn subject(mut self, subject: &'static str) -> Self {
        self.subject = Some(subject);
        self
    }

    /// Sets the claim `aud`.
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
