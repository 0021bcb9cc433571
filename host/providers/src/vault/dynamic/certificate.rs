//! Certificates issued to an owner, with their keys.

use std::borrow::Cow;
use std::time::Duration;

use far_core::Version;
use far_core::clock;
use far_core::memory::SecretBytes;
use far_core::provider::{LeaseId, ProviderError};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::client::{Client, Request, Token};
use super::super::lease_journal::EntryKind;
use super::super::login::lease_duration;
use super::super::member::member;
use super::super::path::VaultPath;
use super::super::response::{ResponseBody, has_error};
use crate::network::json;

/// The identity of an issued certificate. It permits revocation but no access.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CertificateId<'a> {
    /// The encoded mount.
    mount: Cow<'a, str>,
    serial: Cow<'a, str>,
    /// The expiry, in seconds since the Unix epoch.
    expires: u64,
}

/// The certificate data of an issue response.
#[derive(Deserialize)]
struct IssueData<'a> {
    #[serde(borrow)]
    serial_number: Cow<'a, str>,
    expiration: u64,
}

/// The response to a revocation.
#[derive(Deserialize)]
struct RevokeResponse {
    #[serde(default)]
    data: Option<RevocationData>,
    #[serde(default)]
    warnings: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct RevocationData {
    revocation_time: u64,
}

impl<'a> CertificateId<'a> {
    /// Parses an issue response.
    ///
    /// # Errors
    ///
    /// `Invalid` without a serial number or an expiry.
    pub(super) fn read(body: &ResponseBody<'a>, vault_path: &'a VaultPath) -> Result<Self, ProviderError> {
        let IssueData { serial_number: serial, expiration: expires } = body.data()?;
        if !is_serial(&serial) {
            return Err(ProviderError::Invalid);
        }
        Ok(Self { mount: vault_path.mount().into(), serial, expires })
    }

    /// Returns the id in the journal, which also serves as the lease id.
    pub(super) fn id(&self) -> LeaseId {
        // An encoded mount contains no space.
        LeaseId::new(&format!("{} {} {}", self.mount, self.serial, self.expires))
    }

    fn parse(id: &'a str) -> Option<Self> {
        let mut parts = id.split(' ');
        let (mount, serial, expires) = (parts.next()?, parts.next()?, parts.next()?.parse().ok()?);
        let fits = is_serial(serial) && parts.next().is_none();
        fits.then(|| Self { mount: mount.into(), serial: serial.into(), expires })
    }

    /// Returns the remaining lifetime; `None` if expired.
    pub(super) fn remaining_ttl(&self) -> Option<Duration> {
        let now = u64::try_from(clock::wall_time().as_second()).ok()?;
        lease_duration(self.expires.saturating_sub(now))
    }

    pub(super) fn version(&self) -> Result<Version, ProviderError> {
        Version::parse(&self.serial).map_err(|_| ProviderError::Invalid)
    }
}

/// Returns the kind of an id. A certificate id is never a lease id, which is a path.
pub(super) fn kind(id: &LeaseId) -> EntryKind {
    if CertificateId::parse(id.as_str()).is_some() { EntryKind::Certificate } else { EntryKind::Lease }
}

fn is_serial(text: &str) -> bool {
    (1..=96).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'-'))
}

/// Revokes a certificate. A revoked or expired one is not an error.
///
/// # Errors
///
/// `Unsupported` if the server does not know an unexpired certificate, because its role does not
/// store certificates.
pub(super) async fn revoke(client: &Client, token: &Token, id: &str) -> Result<(), ProviderError> {
    let certificate = CertificateId::parse(id).ok_or(ProviderError::Invalid)?;
    let path = format!("{}/revoke", certificate.mount);
    let request = Request::post(&path).with_token(token).with_strings(&[("serial_number", &certificate.serial)]);
    let response = client.send(request).await?;
    if response.status.as_u16() == 400 && has_error(&response.body, "not found") {
        // The server deletes expired certificates. The local clock alone is not trusted.
        return if certificate.remaining_ttl().is_none() { Ok(()) } else { Err(ProviderError::Unsupported) };
    }
    let response = response.ok()?;
    let parsed: RevokeResponse = serde_json::from_slice(&response.body).map_err(|_| ProviderError::Invalid)?;
    let is_revoked = parsed.data.is_some_and(|revocation| revocation.revocation_time > 0);
    // The certificate may have expired by the server's clock only.
    let is_expired = parsed.warnings.iter().flatten().any(|warning| warning.contains("already expired"));
    if is_revoked || is_expired { Ok(()) } else { Err(ProviderError::Invalid) }
}

/// Returns the certificate, its chain and its key as one PEM string.
///
/// # Errors
///
/// `NotFound` if a part is missing, `Invalid` if a part is not PEM; `TooLarge`,
/// `OutOfLockedMemory`.
pub(super) fn pem(data: &SecretBytes) -> Result<SecretBytes, ProviderError> {
    let object: &RawValue = serde_json::from_slice(data.expose()).map_err(|_| ProviderError::Invalid)?;
    let chain: Vec<&RawValue> = match member(object, "ca_chain") {
        Ok(chain) => serde_json::from_str(chain.get()).map_err(|_| ProviderError::Invalid)?,
        // A root authority has no chain.
        Err(ProviderError::NotFound) => Vec::new(),
        Err(error) => return Err(error),
    };
    let texts = [member(object, "certificate")?].into_iter().chain(chain).chain([member(object, "private_key")?]);
    let texts = texts.map(json::string).collect::<Result<Vec<_>, _>>()?;
    let texts = texts.iter().map(|text| text.expose().trim_ascii());
    if !texts.clone().all(|text| text.starts_with(b"-----BEGIN ") && text.ends_with(b"-----")) {
        return Err(ProviderError::Invalid);
    }
    let length = texts.clone().map(|text| text.len() + 1).sum();
    let fill = |buffer: &mut [u8]| {
        let bytes = texts.flat_map(|text| text.iter().chain(b"\n"));
        buffer.iter_mut().zip(bytes).for_each(|(to, byte)| *to = *byte);
    };
    Ok(SecretBytes::new(length, fill)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pem_of(json: &str) -> Result<String, ProviderError> {
        let pem = pem(&SecretBytes::copy_of(json.as_bytes()).unwrap())?;
        Ok(String::from_utf8(pem.expose().to_vec()).unwrap())
    }

    #[test]
    fn certificate_id_round_trips() {
        let certificate = CertificateId { mount: "teams/p%20ki".into(), serial: "1c:79:ff".into(), expires: u64::MAX };
        assert_eq!(CertificateId::parse(certificate.id().as_str()), Some(certificate));
        for id in ["", "pki", "pki 1c", "pki 1c x", "pki 1c -1", "pki 1c 1 1", "pki ../x 1", "pki  1", "db/creds/app/1"]
        {
            assert_eq!(CertificateId::parse(id), None, "{id:?}");
        }
    }

    #[test]
    fn unlimited_certificate_lifetime_is_capped() {
        let certificate = |expires| CertificateId { mount: "pki".into(), serial: "1c".into(), expires };
        assert!(
            certificate(u64::MAX)
                .remaining_ttl()
                .is_some_and(|ttl| tokio::time::Instant::now().checked_add(ttl).is_some())
        );
        assert_eq!((certificate(0).remaining_ttl(), certificate(1_600_000_000).remaining_ttl()), (None, None));
    }

    #[test]
    fn pem_joins_certificate_chain_and_key() {
        let part = |name: &str| format!("-----BEGIN {name}-----\\nAA==\\n-----END {name}-----");
        let text = |name: &str| format!("-----BEGIN {name}-----\nAA==\n-----END {name}-----\n");
        let (leaf, upper, key) = (part("LEAF"), part("UPPER"), part("KEY"));
        let whole = format!(r#"{{"private_key":"{key}\n","ca_chain":["{upper}"],"certificate":"{leaf}"}}"#);
        assert_eq!(pem_of(&whole).unwrap(), text("LEAF") + &text("UPPER") + &text("KEY"));
        let alone = format!(r#"{{"certificate":"{leaf}","private_key":"{key}"}}"#);
        assert_eq!(pem_of(&alone).unwrap(), text("LEAF") + &text("KEY"));
        for (json, expected) in [
            (format!(r#"{{"certificate":"{leaf}"}}"#), ProviderError::NotFound),
            (format!(r#"{{"certificate":"{leaf}","private_key":"MHcCAQEE"}}"#), ProviderError::Invalid),
            (format!(r#"{{"certificate":"{leaf}","private_key":null}}"#), ProviderError::Invalid),
            (format!(r#"{{"certificate":"{leaf}","private_key":"{key}","ca_chain":"x"}}"#), ProviderError::Invalid),
            ("[]".to_owned(), ProviderError::Invalid),
        ] {
            assert_eq!(pem_of(&json).err(), Some(expected), "{json}");
        }
    }
}
