//! Loaded components.

use std::fmt;

use far_core::capability::Declaration;
use far_core::{SkillDigest, SkillName};

use crate::interfaces::BindingsPre;
use crate::state::TaskState;

/// A checked and compiled component, which any number of tasks can run concurrently.
pub struct Skill {
    pub(crate) identity: Identity,
    pub(crate) component: BindingsPre<TaskState>,
}

/// The properties of a component that admission checks.
pub(crate) struct Identity {
    pub(crate) digest: SkillDigest,
    /// `None` for a component without a declaration, which gets no secrets.
    pub(crate) declaration: Option<Declaration>,
    /// True if the component imports `reveal`.
    pub(crate) reveals: bool,
}

impl Identity {
    /// Returns the declared name.
    pub(crate) fn name(&self) -> Option<&SkillName> {
        self.declaration.as_ref().map(|declaration| &declaration.name)
    }
}

impl Skill {
    /// Returns the skill's identity: the digest of its bytes.
    pub fn digest(&self) -> SkillDigest {
        self.identity.digest
    }

    /// Returns the author's declaration. A component without one gets no secrets.
    pub fn declaration(&self) -> Option<&Declaration> {
        self.identity.declaration.as_ref()
    }

    /// Returns true if the component imports `reveal`, and so could read the bytes of a secret.
    pub fn reveals(&self) -> bool {
        self.identity.reveals
    }
}

impl fmt::Debug for Skill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Skill").field("digest", &self.identity.digest).finish_non_exhaustive()
    }
}
