//! Declarations, grants and catalogs from the texts that people write.

use std::sync::Arc;
use std::time::Duration;

use far_capability::{Catalog, CatalogEntry, DeclaredSecret, Grant, Reference, Scope, SecretName, Terms};

/// `NAME:OPERATIONS[@DESTINATION]`.
pub(crate) fn grant(text: &str) -> Grant {
    text.parse().unwrap()
}

/// `OPERATIONS[@DESTINATION]`.
pub(crate) fn terms(text: &str) -> Terms {
    grant(&format!("any:{text}")).terms().clone()
}

pub(crate) fn name(text: &str) -> SecretName {
    text.parse().unwrap()
}

/// A required secret.
pub(crate) fn declared(secret: &str, terms: Terms) -> DeclaredSecret {
    DeclaredSecret { name: name(secret), terms, reason: "a test".to_owned(), optional: false }
}

/// A secret that lives for a minute, in the backend `memory` under its own name.
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
