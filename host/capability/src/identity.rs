//! Identities of tasks, agents, skills and providers. The host sets them, never a guest.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::name::{NameError, check, name_type};

name_type! {
    /// A task, unique among all tasks of a tenant's agents.
    TaskId
}

name_type! {
    /// The agent that runs a task: one process on one node.
    AgentId
}

name_type! {
    /// A skill's declared name. It is not an identity: the [`SkillDigest`] is.
    SkillName
}

name_type! {
    /// A configured backend, such as `vault` or `dotenv`.
    ProviderId
}

name_type! {
    /// A tool: a set of skills that the operator allows to share secrets.
    ToolName
}

impl TaskId {
    /// Returns the id of 128 bits: `task-` and the bits in hexadecimal. Random bits give a unique
    /// id.
    pub fn of_bits(bits: [u8; 16]) -> Self {
        Self(format!("task-{}", hex::encode(bits)).into())
    }
}

/// The SHA-256 digest of a component, the identity of a skill.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SkillDigest([u8; 32]);

impl SkillDigest {
    /// Computes the digest of a component.
    pub fn of(component: &[u8]) -> Self {
        Self(Sha256::digest(component).into())
    }
}

/// An error that a string is not `sha256:` and 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a skill's digest is 'sha256:' and 64 digits of 0-9 and a-f")]
pub struct DigestError;

impl FromStr for SkillDigest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let digits = text.strip_prefix("sha256:").ok_or(DigestError)?;
        let mut bytes = [0_u8; 32];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| DigestError)?;
        // A single spelling makes string comparison equal to digest comparison.
        if digits.bytes().any(|digit| digit.is_ascii_uppercase()) { Err(DigestError) } else { Ok(Self(bytes)) }
    }
}

impl fmt::Display for SkillDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", hex::encode(self.0))
    }
}

impl fmt::Debug for SkillDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for SkillDigest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_round_trips() {
        let digest = SkillDigest::of(b"component");
        assert_eq!(digest.to_string().parse(), Ok(digest));
    }

    #[test]
    fn digest_has_one_spelling() {
        let text = SkillDigest::of(b"component").to_string();
        for other in [text.to_uppercase(), text.replace("sha256:", "sha256:0"), text.replace("sha256:", "")] {
            assert_eq!(other.parse::<SkillDigest>(), Err(DigestError), "{other}");
        }
    }

    #[test]
    fn task_id_of_bits_is_valid_name() {
        let (id, other) = (TaskId::of_bits([0xab; 16]), TaskId::of_bits([0xac; 16]));
        assert_eq!(id.as_str(), "task-abababababababababababababababab");
        assert_eq!(TaskId::parse(id.as_str()), Ok(id.clone()));
        assert_ne!(id, other);
    }
}
