//! Declarations, grants and catalogs from their text forms.

use std::sync::Arc;
use std::time::Duration;

use far_capability::{Catalog, CatalogEntry, DeclaredSecret, Grant, Reference, Scope, SecretName, Terms};

/// Parses `NAME:OPERATIONS[@DESTINATION]`.
pub(crate) fn grant(text: &str) -> Grant {
    text.parse().unwrap()
}

/// Parses `OPERATIONS[@DESTINATION]`.
pub(crate) fn terms(text: &str) -> Terms {
    grant(&format!("any:{text}")).terms().clone()
}

pub(crate) fn name(text: &str) -> SecretName {
    text.parse().unwrap()
}

/// Returns a required secret.
pub(crate) fn declared(secret: &str, terms: Terms) -> DeclaredSecret {
    DeclaredSecret { name: name(secret), terms, reason: "a test".to_owned(), optional: false }
}

/// Returns an entry of the backend `memory` with a time to live of a minute, under the same name.
pub(crate) fn entry(secret: &str, scope: Scope, terms: Terms) -> (SecretName, CatalogEntry) {
    let secret = name(secret);
    let entry = CatalogEntry::new("memory".parse().unwrap(), Reference::named(&secret), terms)
        .with_scope(scope)
        .with_ttl(Duration::from_secs(60));
    (secret, entry)
}

pub(crate) fn catalog(entries: impl IntoIterator<Item = (SecretName, CatalogEntry)>) -> Arc<Catalog> {
    let mut catalog = Catalog::new();
    entries.into_iter().for_each(|(name, entry)| catalog.insert(name, entry).unwrap());
    Arc::new(catalog)
}
