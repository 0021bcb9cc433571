//! Entry points for fuzzing the response parsers. Not part of the crate's interface.

use far_core::memory::SecretBytes;
use far_core::provider::ProviderError;
use reqwest::StatusCode;

use super::client::Response;
use super::path::{Engine, Mounts};
use super::{dynamic, kv, login, metadata, static_role};

/// A kind of response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseKind {
    /// A KV version 1 value.
    KvV1,
    /// A KV version 2 value.
    KvV2,
    /// KV version 2 metadata.
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

impl ResponseKind {
    /// Every kind.
    pub const ALL: [Self; 7] =
        [Self::KvV1, Self::KvV2, Self::Metadata, Self::StaticRole, Self::Credentials, Self::Certificate, Self::Login];
}

/// Parses a response. Returns the value if this kind of response has one.
///
/// # Errors
///
/// Any of [`ProviderError`].
pub fn read(
    kind: ResponseKind,
    field: Option<&str>,
    status: u16,
    body: &[u8],
) -> Result<Option<SecretBytes>, ProviderError> {
    let status = StatusCode::from_u16(status).map_err(|_| ProviderError::Invalid)?;
    let response = Response::new(status, body);
    let vault_path = |engine, path: &str| {
        let field = field.map(|field| format!("#{field}")).unwrap_or_default();
        Mounts::all(engine).parse_path(&format!("{path}{field}")).map_err(|_| ProviderError::Unsupported)
    };
    Ok(match kind {
        ResponseKind::KvV1 => Some(kv::parse(&response, &vault_path(Engine::KvV1, "kv/ci/github")?)?.value),
        ResponseKind::KvV2 => Some(kv::parse(&response, &vault_path(Engine::KvV2, "kv/ci/github")?)?.value),
        ResponseKind::Metadata => {
            metadata::has_current_version(&response)?;
            None
        }
        ResponseKind::StaticRole => {
            let vault_path = vault_path(Engine::Database, "database/static-creds/app")?;
            Some(static_role::parse(response, &vault_path)?.value)
        }
        ResponseKind::Credentials => {
            Some(dynamic::parse_issued(response, &vault_path(Engine::Database, "database/creds/app")?)?)
        }
        ResponseKind::Certificate => Some(dynamic::parse_issued(
            response,
            &vault_path(Engine::Pki, "pki/issue/web?common_name=app.example.com")?,
        )?),
        ResponseKind::Login => {
            login::parse_token(&login::check_credential(response)?)?;
            None
        }
    })
}
