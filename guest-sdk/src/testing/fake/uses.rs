//! What a skill did with its secrets.

/// One thing that a skill did with its secrets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Use {
    /// It asked for a handle to the current version, whether or not the backend had it.
    Asked(String),
    /// It asked for a handle to one version.
    AskedVersion {
        /// The secret's name.
        name: String,
        /// The version.
        version: String,
    },
    /// It asked what it may use.
    Listed,
    /// It had a secret read again, whether or not the backend had it.
    Refreshed(String),
    /// It was given a stand-in.
    Sealed(String),
    /// The host put it into a request.
    Sent(String),
    /// The host signed for it.
    Signed(String),
    /// The host signed a token with it, which is a secret of the same name.
    Derived(String),
    /// It was given the bytes.
    Revealed(String),
}

impl Use {
    /// A handle to the current version of this secret was asked for.
    pub fn asked(name: impl Into<String>) -> Self {
        Self::Asked(name.into())
    }

    /// A handle to one version of this secret was asked for.
    pub fn asked_version(name: impl Into<String>, version: impl Into<String>) -> Self {
        Self::AskedVersion { name: name.into(), version: version.into() }
    }

    /// What the task may use was asked for.
    pub fn listed() -> Self {
        Self::Listed
    }

    /// This secret was read again.
    pub fn refreshed(name: impl Into<String>) -> Self {
        Self::Refreshed(name.into())
    }

    /// A stand-in for this secret was given to the skill.
    pub fn sealed(name: impl Into<String>) -> Self {
        Self::Sealed(name.into())
    }

    /// This secret was put into a request.
    pub fn sent(name: impl Into<String>) -> Self {
        Self::Sent(name.into())
    }

    /// The host signed with this secret.
    pub fn signed(name: impl Into<String>) -> Self {
        Self::Signed(name.into())
    }

    /// The host signed a token with this secret.
    pub fn derived(name: impl Into<String>) -> Self {
        Self::Derived(name.into())
    }

    /// The bytes of this secret were given to the skill.
    pub fn revealed(name: impl Into<String>) -> Self {
        Self::Revealed(name.into())
    }
}
