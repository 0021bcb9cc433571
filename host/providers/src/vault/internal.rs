//! Entry points for fuzzing: how answers are read, without a server. Not part of the crate's interface.

use far_core::memory::SecretBytes;
use far_core::provider::ProviderError;
use reqwest::StatusCode;

use super::client::Reply;
use super::place::{Engine, Mounts};
use super::{dynamic, kv, login, metadata, static_role};

/// A request whose answer is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// A value of the engine `kv` without versions.
    KvV1,
    /// A value of the engine `kv` with versions.
    KvV2,
    /// The metadata of a value with versions.
    Metadata,
    /// The password of a static role.
    StaticRole,
    /// The credentials of a dynamic role.
    Credentials,
    /// A certificate.
    Certificate,
    /// A login.
    Login,
}

impl Question {
    /// Every question.
    pub const ALL: [Self; 7] =
        [Self::KvV1, Self::KvV2, Self::Metadata, Self::StaticRole, Self::Credentials, Self::Certificate, Self::Login];
}

/// Reads an answer; returns the value where the question asks for one.
///
/// # Errors
///
/// Any of [`ProviderError`].
pub fn read(
    question: Question,
    field: Option<&str>,
    status: u16,
    body: &[u8],
) -> Result<Option<SecretBytes>, ProviderError> {
    let status = StatusCode::from_u16(status).map_err(|_| ProviderError::Invalid)?;
    let reply = Reply::new(status, body);
    let place = |engine, path: &str| {
        let field = field.map(|field| format!("#{field}")).unwrap_or_default();
        Mounts::all(engine).place(&format!("{path}{field}")).map_err(|_| ProviderError::Unsupported)
    };
    Ok(match question {
        Question::KvV1 => Some(kv::answered(&reply, &place(Engine::KvV1, "kv/ci/github")?)?.value),
        Question::KvV2 => Some(kv::answered(&reply, &place(Engine::KvV2, "kv/ci/github")?)?.value),
        Question::Metadata => {
            metadata::has_current(&reply)?;
            None
        }
        Question::StaticRole => {
            let place = place(Engine::Database, "database/static-creds/app")?;
            Some(static_role::answered(reply, &place)?.value)
        }
        Question::Credentials => Some(dynamic::issued(reply, &place(Engine::Database, "database/creds/app")?)?),
        Question::Certificate => {
            Some(dynamic::issued(reply, &place(Engine::Pki, "pki/issue/web?common_name=app.example.com")?)?)
        }
        Question::Login => {
            login::granted(&login::accepted(reply)?)?;
            None
        }
    })
}
