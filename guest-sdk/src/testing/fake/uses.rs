//! The record of a skill's use of its secrets.

/// One use of a secret, named after the function that the skill called.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Use {
    /// A request for a handle to the current version, even if the backend has no such secret.
    Get(String),
    /// A request for a handle to one version.
    GetVersion {
        /// The secret's name.
        name: String,
        /// The version.
        version: String,
    },
    /// A call of [`secrets::list`](crate::secrets::list).
    List,
    /// A refresh, even if the backend has no such secret.
    Refresh(String),
    /// The issue of a placeholder.
    Seal(String),
    /// The replacement of a placeholder in a request.
    Send(String),
    /// A signature of a message.
    Sign(String),
    /// A signed JSON Web Token, which is a secret with the name of its key.
    SignJwt(String),
    /// A copy of the bytes into the skill's memory.
    Reveal(String),
}

impl Use {
    /// Returns the use for [`secrets::get`](crate::secrets::get).
    pub fn get(name: impl Into<String>) -> Self {
        Self::Get(name.into())
    }

    /// Returns the use for [`secrets::get_version`](crate::secrets::get_version).
    pub fn get_version(name: impl Into<String>, version: impl Into<String>) -> Self {
        Self::GetVersion { name: name.into(), version: version.into() }
    }

    /// Returns the use for [`secrets::list`](crate::secrets::list).
    pub fn list() -> Self {
        Self::List
    }

    /// Returns the use for [`secrets::refresh`](crate::secrets::refresh).
    pub fn refresh(name: impl Into<String>) -> Self {
        Self::Refresh(name.into())
    }

    /// Returns the use for [`sealed::token`](crate::sealed::token).
    pub fn seal(name: impl Into<String>) -> Self {
        Self::Seal(name.into())
    }

    /// Returns the use for a request that carried the secret.
    pub fn send(name: impl Into<String>) -> Self {
        Self::Send(name.into())
    }

    /// Returns the use for [`signing::hmac_sha256`](crate::signing::hmac_sha256).
    pub fn sign(name: impl Into<String>) -> Self {
        Self::Sign(name.into())
    }

    /// Returns the use for [`signing::sign_jwt`](crate::signing::sign_jwt).
    pub fn sign_jwt(name: impl Into<String>) -> Self {
        Self::SignJwt(name.into())
    }

    /// Returns the use for [`reveal::reveal`](crate::reveal::reveal).
    pub fn reveal(name: impl Into<String>) -> Self {
        Self::Reveal(name.into())
    }
}
