//! The checks that every backend passes.

use far_core::VersionSelector;
use far_core::memory::SecretBytes;
use far_core::provider::{FetchedSecret, ProviderError, RefreshOutcome};
use futures_util::future::BoxFuture;

use super::backend::{Backend, Features};

/// One check.
pub(super) struct Check {
    pub(super) id: &'static str,
    /// The expected result for a backend with these features, or none to skip the check.
    pub(super) expected: fn(Features) -> Option<&'static str>,
    pub(super) run: fn(&dyn Backend) -> BoxFuture<'_, String>,
}

const HARD: &str = "za\u{17c}\u{f3}\u{142}\u{107} \u{1f511}\n\"quoted\" \\ = # $HOME";

pub(super) fn all() -> Vec<Check> {
    let check = |id, expected, run| Check { id, expected, run };
    vec![
        check("current", |_| Some("one-1"), |backend| Box::pin(put_and_get(backend, "one", "one-1"))),
        check("empty", |_| Some(""), |backend| Box::pin(put_and_get(backend, "empty", ""))),
        check("exact", |_| Some(HARD), |backend| Box::pin(put_and_get(backend, "hard", HARD))),
        check(
            "absent",
            |_| Some("not-found"),
            |backend| Box::pin(async { describe_result(get(backend, "none").await) }),
        ),
        check(
            "too-large",
            |has| Some(if has.all_or_nothing { "not-found" } else { "too-large" }),
            |backend| Box::pin(too_large(backend)),
        ),
        check("same-version", |_| Some("one version of one value"), |backend| Box::pin(versions(backend))),
        check("refresh", |_| Some("unchanged, then two-2"), |backend| Box::pin(refresh(backend))),
        check(
            "old-version",
            |has| Some(if has.versions { "old-1" } else { "version-gone" }),
            |backend| Box::pin(old(backend)),
        ),
        check(
            "removed",
            |has| Some(if has.tombstones { "version-gone" } else { "not-found" }),
            |backend| Box::pin(removed(backend)),
        ),
        check("list", |_| Some("every secret"), |backend| Box::pin(list(backend))),
        check("rotate", |_| Some("unsupported"), |backend| Box::pin(rotate(backend))),
        check("describe", |_| Some("its version"), |backend| Box::pin(describe(backend))),
        check(
            "revoke",
            |has| Some(if has.revocation { "done, then version-gone" } else { "unsupported, then revoked-1" }),
            |backend| Box::pin(revoke(backend)),
        ),
    ]
}

pub(super) async fn get(backend: &dyn Backend, name: &str) -> Result<FetchedSecret, ProviderError> {
    backend.provider().get_secret(&backend.reference(name), &VersionSelector::Current).await
}

/// Returns the value, or the token of the error.
pub(super) fn describe_result(fetched: Result<FetchedSecret, ProviderError>) -> String {
    match fetched {
        Ok(fetched) => text(&fetched.value),
        Err(error) => error.kind().to_owned(),
    }
}

fn text(value: &SecretBytes) -> String {
    String::from_utf8_lossy(value.expose()).into_owned()
}

fn kind(result: Result<(), ProviderError>) -> String {
    result.err().map_or_else(|| "done".to_owned(), |error| error.kind().to_owned())
}

async fn put_and_get(backend: &dyn Backend, name: &str, value: &str) -> String {
    backend.put(name, value);
    describe_result(get(backend, name).await)
}

async fn too_large(backend: &dyn Backend) -> String {
    let provider = backend.provider();
    backend.put("large", &"x".repeat(SecretBytes::MAX_LEN + 1));
    let large = provider.get_secret(&backend.reference("large"), &VersionSelector::Current).await;
    backend.remove("large");
    describe_result(large)
}

async fn versions(backend: &dyn Backend) -> String {
    backend.put("two", "two-1");
    let provider = backend.provider();
    let get = || async { provider.get_secret(&backend.reference("two"), &VersionSelector::Current).await.unwrap() };
    let (one, same) = (get().await.version, get().await.version);
    if one == same { "one version of one value" } else { "two versions" }.to_owned()
}

async fn refresh(backend: &dyn Backend) -> String {
    backend.put("two", "two-1");
    let (provider, two) = (backend.provider(), backend.reference("two"));
    let known = provider.get_secret(&two, &VersionSelector::Current).await.unwrap().version;
    let first = refreshed(&provider.refresh_secret(&two, &known).await);
    backend.put("two", "two-2");
    format!("{first}, then {}", refreshed(&provider.refresh_secret(&two, &known).await))
}

fn refreshed(refreshed: &Result<RefreshOutcome, ProviderError>) -> String {
    match refreshed {
        Ok(RefreshOutcome::Unchanged) => "unchanged".to_owned(),
        Ok(RefreshOutcome::Changed(fetched)) => text(&fetched.value),
        Err(error) => error.kind().to_owned(),
    }
}

async fn old(backend: &dyn Backend) -> String {
    backend.put("old", "old-1");
    let (provider, old) = (backend.provider(), backend.reference("old"));
    let version = provider.get_secret(&old, &VersionSelector::Current).await.unwrap().version;
    backend.put("old", "old-2");
    describe_result(provider.get_secret(&old, &VersionSelector::Exactly(version)).await)
}

async fn removed(backend: &dyn Backend) -> String {
    backend.put("removed", "x");
    backend.remove("removed");
    describe_result(get(backend, "removed").await)
}

async fn rotate(backend: &dyn Backend) -> String {
    let provider = backend.provider();
    let rotated = match provider.admin() {
        Some(admin) => admin.rotate(&backend.reference("one")).await,
        None => Err(ProviderError::Unsupported),
    };
    kind(rotated.map(drop))
}

async fn describe(backend: &dyn Backend) -> String {
    backend.put("described", "described-1");
    let (provider, reference) = (backend.provider(), backend.reference("described"));
    let version = provider.get_secret(&reference, &VersionSelector::Current).await.unwrap().version;
    let described = match provider.admin() {
        Some(admin) => admin.describe(&reference).await,
        None => Err(ProviderError::Unsupported),
    };
    match described {
        Ok(metadata) if metadata.version == Some(version) => "its version".to_owned(),
        Ok(_) => "another version".to_owned(),
        Err(error) => error.kind().to_owned(),
    }
}

async fn revoke(backend: &dyn Backend) -> String {
    backend.put("revoked", "revoked-1");
    let (provider, reference) = (backend.provider(), backend.reference("revoked"));
    let version = provider.get_secret(&reference, &VersionSelector::Current).await.unwrap().version;
    let revoked = match provider.admin() {
        Some(admin) => admin.revoke(&reference, &version).await,
        None => Err(ProviderError::Unsupported),
    };
    let revoked = kind(revoked);
    format!("{revoked}, then {}", describe_result(get(backend, "revoked").await))
}

async fn list(backend: &dyn Backend) -> String {
    backend.put("one", "one-1");
    backend.put("two", "two-1");
    match backend.provider().list_secrets().await {
        Ok(listed) if ["one", "two"].iter().all(|name| listed.contains(&backend.reference(name))) => {
            "every secret".to_owned()
        }
        Ok(listed) => format!("{} secrets", listed.len()),
        Err(error) => error.kind().to_owned(),
    }
}
