//! What is asked of the server about tokens and leases of owners.

use std::time::Duration;

use far_core::Version;
use far_core::memory::SecretBytes;
use far_core::provider::{LeaseId, ProviderError};
use serde_json::json;

use super::super::answer::{Answer, says};
use super::super::client::{Ask, Client, Reply, Token};
use super::super::ledger::Kind;
use super::super::login::{LOOKUP_SELF, lease};
use super::super::place::{Place, Source};
use super::certificate::Issued;
use crate::network::json;

/// How long an owner's token lasts unless it is renewed: what a process that was killed leaves ends by then, whether or not it
/// is started again.
pub(super) const LASTS: Duration = Duration::from_secs(10 * 60);
/// How long it lasts at most.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// A token that was made for an owner.
pub(super) struct MadeToken {
    pub(super) token: Token,
    /// By which it is ended.
    pub(super) accessor: String,
    /// How long it lasts, unless it is renewed.
    pub(super) lasts: Duration,
}

/// A secret that was made for an owner.
pub(super) struct MadeSecret {
    /// All of its fields, as the server writes them.
    pub(super) data: SecretBytes,
    /// What it ends by.
    pub(super) ends_by: (Kind, LeaseId),
    pub(super) renewable: bool,
    pub(super) lasts: Duration,
    /// The server's, where it has one.
    pub(super) version: Option<Version>,
}

/// Has a token made that is a child of this one: it ends with it, and may do no more.
pub(super) async fn make_token(
    client: &Client,
    token: &Token,
    policies: &[String],
) -> Result<MadeToken, ProviderError> {
    let mut body = json!({
        "display_name": "far",
        "ttl": format!("{}s", LASTS.as_secs()),
        "explicit_max_ttl": format!("{}s", LONGEST.as_secs()),
        "renewable": true,
        "num_uses": 0,
    });
    if let (false, Some(members)) = (policies.is_empty(), body.as_object_mut()) {
        members.insert("policies".to_owned(), policies.into());
    }
    let reply = client.ask(Ask::post("auth/token/create").with_token(token).with_json(&body)).await?.ok()?;
    let auth = Answer::read(&reply.body)?.auth.ok_or(ProviderError::Invalid)?;
    let made = Token::new(json::secret(auth.client_token)?).ok_or(ProviderError::Invalid)?;
    if auth.accessor.is_empty() {
        return Err(ProviderError::Invalid);
    }
    // The server may give less than was asked for.
    let lasts = lease(auth.lease_duration).unwrap_or(LASTS);
    Ok(MadeToken { token: made, accessor: auth.accessor.into_owned(), lasts })
}

/// Whether a token is no more.
pub(super) async fn has_ended(client: &Client, token: &Token) -> bool {
    let reply = client.ask(Ask::get(LOOKUP_SELF).with_token(token)).await;
    reply.is_ok_and(|reply| matches!(reply.status.as_u16(), 401 | 403))
}

/// Has a token last longer: how long from now.
pub(super) async fn renew_token(client: &Client, token: &Token) -> Result<Duration, ProviderError> {
    let reply = client.ask(Ask::post("auth/token/renew-self").with_token(token).with(&[])).await?.ok()?;
    let auth = Answer::read(&reply.body)?.auth.ok_or(ProviderError::Invalid)?;
    lease(auth.lease_duration).ok_or(ProviderError::Invalid)
}

/// Has a secret made.
pub(super) async fn make_secret(client: &Client, token: &Token, place: &Place) -> Result<MadeSecret, ProviderError> {
    let path = place.data();
    let ask = match &place.source {
        Source::Certificate(name) => Ask::post(&path).with(&[("common_name", name)]),
        _ => Ask::get(&path),
    };
    made_secret(client.ask(ask.with_token(token)).await?, place)
}

/// Reads the answer to [`make_secret`].
///
/// # Errors
///
/// Any of [`ProviderError`]; `NotFound` and `Denied` where the server says so in words.
pub(super) fn made_secret(reply: Reply, place: &Place) -> Result<MadeSecret, ProviderError> {
    if says(&reply.body, "unknown role") {
        return Err(ProviderError::NotFound);
    }
    if says(&reply.body, "not allowed by this role") {
        return Err(ProviderError::Denied);
    }
    let reply = reply.ok()?;
    let answer = Answer::read(&reply.body)?;
    let data = answer.data.filter(|data| data.get().starts_with('{')).ok_or(ProviderError::Invalid)?;
    let leased = lease(answer.lease_duration).filter(|_| !answer.lease_id.is_empty());
    let leased = leased.map(|lasts| ((Kind::Lease, LeaseId::new(&answer.lease_id)), lasts));
    let ((ends_by, lasts), version) = match place.source {
        Source::Certificate(_) => {
            let issued = Issued::read(&answer, place)?;
            let left = issued.left().ok_or(ProviderError::Invalid)?;
            let own = (Kind::Certificate, issued.id());
            let (ends_by, lasts) = leased.unwrap_or((own, left));
            ((ends_by, lasts.min(left)), Some(issued.version()?))
        }
        _ => (leased.ok_or(ProviderError::Invalid)?, None),
    };
    Ok(MadeSecret { data: json::secret(data)?, ends_by, renewable: answer.renewable, lasts, version })
}

/// Has a lease last longer: how long from now. How much is asked for would be advice, and nothing is.
pub(super) async fn renew_lease(client: &Client, token: &Token, id: &LeaseId) -> Result<Duration, ProviderError> {
    let ask = Ask::post("sys/leases/renew").with_token(token).with(&[("lease_id", id.as_str())]);
    let reply = client.ask(ask).await?;
    if is_no_more(&reply) {
        return Err(ProviderError::NotFound);
    }
    let reply = reply.ok()?;
    lease(Answer::read(&reply.body)?.lease_duration).ok_or(ProviderError::NotFound)
}

/// Ends a lease, and what was made for it, before the server answers.
pub(super) async fn end_lease(client: &Client, token: &Token, id: &str) -> Result<(), ProviderError> {
    let body = json!({ "lease_id": id, "sync": true });
    let reply = client.ask(Ask::post("sys/leases/revoke").with_token(token).with_json(&body)).await?;
    if is_no_more(&reply) { Ok(()) } else { reply.ok().map(drop) }
}

/// Ends a token, with all leases that it still has.
pub(super) async fn end_token(client: &Client, token: &Token, accessor: &str) -> Result<(), ProviderError> {
    let ask = Ask::post("auth/token/revoke-accessor").with_token(token).with(&[("accessor", accessor)]);
    let reply = client.ask(ask).await?;
    if is_no_more(&reply) { Ok(()) } else { reply.ok().map(drop) }
}

/// Whether what was to be renewed or ended has ended.
fn is_no_more(reply: &Reply) -> bool {
    let status = matches!(reply.status.as_u16(), 400 | 403 | 404);
    status && ["lease not found", "lease expired", "invalid accessor"].iter().any(|words| says(&reply.body, words))
}
