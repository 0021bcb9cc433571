//! API calls for tokens and leases of owners.

use std::time::Duration;

use far_core::Version;
use far_core::memory::SecretBytes;
use far_core::provider::{LeaseId, ProviderError};
use serde_json::json;

use super::super::client::{Client, Request, Response, Token};
use super::super::lease_journal::EntryKind;
use super::super::login::{LOOKUP_SELF, lease_duration};
use super::super::path::{SecretKind, VaultPath};
use super::super::response::{ResponseBody, has_error};
use super::certificate::CertificateId;
use crate::network::json;

/// The TTL of an owner's token without renewal. It bounds the lifetime of secrets that a killed
/// process leaves behind.
pub(super) const TOKEN_TTL: Duration = Duration::from_secs(10 * 60);
/// The maximum TTL of an owner's token.
const TOKEN_MAX_TTL: Duration = Duration::from_secs(24 * 60 * 60);

/// A new token of an owner.
pub(super) struct NewToken {
    pub(super) token: Token,
    /// The accessor, which revokes the token.
    pub(super) accessor: String,
    /// The TTL without renewal.
    pub(super) ttl: Duration,
}

/// A new secret of an owner.
pub(super) struct NewSecret {
    /// All fields, as the server wrote them.
    pub(super) data: SecretBytes,
    /// The id that revokes it.
    pub(super) handle: (EntryKind, LeaseId),
    pub(super) renewable: bool,
    pub(super) ttl: Duration,
    /// The server's version, if it reports one.
    pub(super) version: Option<Version>,
}

/// Creates a child of `token`. It expires with its parent and has no additional permissions.
pub(super) async fn create_token(
    client: &Client,
    token: &Token,
    policies: &[String],
) -> Result<NewToken, ProviderError> {
    let mut body = json!({
        "display_name": "far",
        "ttl": format!("{}s", TOKEN_TTL.as_secs()),
        "explicit_max_ttl": format!("{}s", TOKEN_MAX_TTL.as_secs()),
        "renewable": true,
        "num_uses": 0,
    });
    if let (false, Some(members)) = (policies.is_empty(), body.as_object_mut()) {
        members.insert("policies".to_owned(), policies.into());
    }
    let response = client.send(Request::post("auth/token/create").with_token(token).with_json(&body)).await?.ok()?;
    let auth = ResponseBody::parse(&response.body)?.auth.ok_or(ProviderError::Invalid)?;
    let token_value = Token::new(json::secret(auth.client_token)?).ok_or(ProviderError::Invalid)?;
    if auth.accessor.is_empty() {
        return Err(ProviderError::Invalid);
    }
    // The server may shorten the TTL.
    let ttl = lease_duration(auth.lease_duration).unwrap_or(TOKEN_TTL);
    Ok(NewToken { token: token_value, accessor: auth.accessor.into_owned(), ttl })
}

/// Returns true if the token has expired.
pub(super) async fn is_expired(client: &Client, token: &Token) -> bool {
    let response = client.send(Request::get(LOOKUP_SELF).with_token(token)).await;
    response.is_ok_and(|response| matches!(response.status.as_u16(), 401 | 403))
}

/// Renews a token; returns the new TTL.
pub(super) async fn renew_token(client: &Client, token: &Token) -> Result<Duration, ProviderError> {
    let response =
        client.send(Request::post("auth/token/renew-self").with_token(token).with_strings(&[])).await?.ok()?;
    let auth = ResponseBody::parse(&response.body)?.auth.ok_or(ProviderError::Invalid)?;
    lease_duration(auth.lease_duration).ok_or(ProviderError::Invalid)
}

/// Issues a secret.
pub(super) async fn issue_secret(
    client: &Client,
    token: &Token,
    vault_path: &VaultPath,
) -> Result<NewSecret, ProviderError> {
    let path = vault_path.read_path();
    let request = match &vault_path.kind {
        SecretKind::Certificate(name) => Request::post(&path).with_strings(&[("common_name", name)]),
        _ => Request::get(&path),
    };
    parse_secret(client.send(request.with_token(token)).await?, vault_path)
}

/// Parses the response to [`issue_secret`].
///
/// # Errors
///
/// Any [`ProviderError`]; `NotFound` and `Denied` only if the error message confirms it.
pub(super) fn parse_secret(response: Response, vault_path: &VaultPath) -> Result<NewSecret, ProviderError> {
    if has_error(&response.body, "unknown role") {
        return Err(ProviderError::NotFound);
    }
    if has_error(&response.body, "not allowed by this role") {
        return Err(ProviderError::Denied);
    }
    let response = response.ok()?;
    let body = ResponseBody::parse(&response.body)?;
    let data = body.data.filter(|data| data.get().starts_with('{')).ok_or(ProviderError::Invalid)?;
    let lease = lease_duration(body.lease_duration).filter(|_| !body.lease_id.is_empty());
    let lease = lease.map(|ttl| ((EntryKind::Lease, LeaseId::new(&body.lease_id)), ttl));
    let ((handle, ttl), version) = match vault_path.kind {
        SecretKind::Certificate(_) => {
            let certificate = CertificateId::read(&body, vault_path)?;
            let remaining = certificate.remaining_ttl().ok_or(ProviderError::Invalid)?;
            let own = (EntryKind::Certificate, certificate.id());
            let (handle, ttl) = lease.unwrap_or((own, remaining));
            ((handle, ttl.min(remaining)), Some(certificate.version()?))
        }
        _ => (lease.ok_or(ProviderError::Invalid)?, None),
    };
    Ok(NewSecret { data: json::secret(data)?, handle, renewable: body.renewable, ttl, version })
}

/// Renews a lease by the server's default increment; returns the new TTL.
pub(super) async fn renew_lease(client: &Client, token: &Token, id: &LeaseId) -> Result<Duration, ProviderError> {
    let request = Request::post("sys/leases/renew").with_token(token).with_strings(&[("lease_id", id.as_str())]);
    let response = client.send(request).await?;
    if is_absent(&response) {
        return Err(ProviderError::NotFound);
    }
    let response = response.ok()?;
    lease_duration(ResponseBody::parse(&response.body)?.lease_duration).ok_or(ProviderError::NotFound)
}

/// Revokes a lease. The server deletes the secret before it responds.
pub(super) async fn revoke_lease(client: &Client, token: &Token, id: &str) -> Result<(), ProviderError> {
    let body = json!({ "lease_id": id, "sync": true });
    let response = client.send(Request::post("sys/leases/revoke").with_token(token).with_json(&body)).await?;
    if is_absent(&response) { Ok(()) } else { response.ok().map(drop) }
}

/// Revokes a token and its remaining leases.
pub(super) async fn revoke_token(client: &Client, token: &Token, accessor: &str) -> Result<(), ProviderError> {
    let request = Request::post("auth/token/revoke-accessor").with_token(token).with_strings(&[("accessor", accessor)]);
    let response = client.send(request).await?;
    if is_absent(&response) { Ok(()) } else { response.ok().map(drop) }
}

/// Returns true if the lease or token no longer exists.
fn is_absent(response: &Response) -> bool {
    let status = matches!(response.status.as_u16(), 400 | 403 | 404);
    status
        && ["lease not found", "lease expired", "invalid accessor"].iter().any(|words| has_error(&response.body, words))
}
