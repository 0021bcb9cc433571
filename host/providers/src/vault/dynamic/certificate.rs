//! Certificates that the server issues for an owner, and their keys.

use std::borrow::Cow;
use std::time::Duration;

use far_core::Version;
use far_core::clock;
use far_core::memory::SecretBytes;
use far_core::provider::{LeaseId, ProviderError};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::answer::{Answer, says};
use super::super::client::{Ask, Client, Token};
use super::super::ledger::Kind;
use super::super::login::lease;
use super::super::member::member;
use super::super::place::Place;
use crate::network::json;

/// A certificate that was issued: all that it takes to revoke it, which gives no access to anything.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Issued<'a> {
    /// As paths begin with it.
    mount: Cow<'a, str>,
    serial: Cow<'a, str>,
    /// In seconds since 1970.
    expires: u64,
}

/// What the server says of one.
#[derive(Deserialize)]
struct Told<'a> {
    #[serde(borrow)]
    serial_number: Cow<'a, str>,
    expiration: u64,
}

/// What it says of one that it was asked to revoke.
#[derive(Deserialize)]
struct Revoked {
    #[serde(default)]
    data: Option<Since>,
    #[serde(default)]
    warnings: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Since {
    revocation_time: u64,
}

impl<'a> Issued<'a> {
    /// Reads the answer of a role.
    ///
    /// # Errors
    ///
    /// `Invalid` for one without a serial number or an end.
    pub(super) fn read(answer: &Answer<'a>, place: &'a Place) -> Result<Self, ProviderError> {
        let Told { serial_number: serial, expiration: expires } = answer.data()?;
        if !is_serial(&serial) {
            return Err(ProviderError::Invalid);
        }
        Ok(Self { mount: place.mount().into(), serial, expires })
    }

    /// What it is called where it is written down, and in place of a lease.
    pub(super) fn id(&self) -> LeaseId {
        // No mount has a space as paths have it.
        LeaseId::new(&format!("{} {} {}", self.mount, self.serial, self.expires))
    }

    fn parse(id: &'a str) -> Option<Self> {
        let mut parts = id.split(' ');
        let (mount, serial, expires) = (parts.next()?, parts.next()?, parts.next()?.parse().ok()?);
        let fits = is_serial(serial) && parts.next().is_none();
        fits.then(|| Self { mount: mount.into(), serial: serial.into(), expires })
    }

    /// How long it lasts; none for one whose time is over.
    pub(super) fn left(&self) -> Option<Duration> {
        let now = u64::try_from(clock::wall_time().as_second()).ok()?;
        lease(self.expires.saturating_sub(now))
    }

    pub(super) fn version(&self) -> Result<Version, ProviderError> {
        Version::parse(&self.serial).map_err(|_| ProviderError::Invalid)
    }
}

/// What ends by this id: a certificate's own is no lease's, which is a path.
pub(super) fn kind(id: &LeaseId) -> Kind {
    if Issued::parse(id.as_str()).is_some() { Kind::Certificate } else { Kind::Lease }
}

fn is_serial(text: &str) -> bool {
    (1..=96).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'-'))
}

/// Has a certificate revoked, by what it is called. One that was revoked, or whose time is over, is no error.
///
/// # Errors
///
/// `Unsupported` if the server does not know it before its time is over: its role does not have it stored.
pub(super) async fn withdraw(client: &Client, token: &Token, id: &str) -> Result<(), ProviderError> {
    let issued = Issued::parse(id).ok_or(ProviderError::Invalid)?;
    let path = format!("{}/revoke", issued.mount);
    let ask = Ask::post(&path).with_token(token).with(&[("serial_number", &issued.serial)]);
    let reply = client.ask(ask).await?;
    if reply.status.as_u16() == 400 && says(&reply.body, "not found") {
        // What is over is cleared away. By this clock alone nothing is: it may be wrong.
        return if issued.left().is_none() { Ok(()) } else { Err(ProviderError::Unsupported) };
    }
    let reply = reply.ok()?;
    let told: Revoked = serde_json::from_slice(&reply.body).map_err(|_| ProviderError::Invalid)?;
    let is_revoked = told.data.is_some_and(|since| since.revocation_time > 0);
    // By the server's clock its time may be over before it is by this one.
    let is_over = told.warnings.iter().flatten().any(|warning| warning.contains("already expired"));
    if is_revoked || is_over { Ok(()) } else { Err(ProviderError::Invalid) }
}

/// A certificate, its chain and its key as one text in PEM, as a client's certificate is shown.
///
/// # Errors
///
/// `NotFound` if one of them is not there, `Invalid` if one is no PEM; `TooLarge`, `OutOfLockedMemory`.
pub(super) fn pem(data: &SecretBytes) -> Result<SecretBytes, ProviderError> {
    let object: &RawValue = serde_json::from_slice(data.expose()).map_err(|_| ProviderError::Invalid)?;
    let chain: Vec<&RawValue> = match member(object, "ca_chain") {
        Ok(chain) => serde_json::from_str(chain.get()).map_err(|_| ProviderError::Invalid)?,
        // An authority that nobody stands above.
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
    let fill = |place: &mut [u8]| {
        let bytes = texts.flat_map(|text| text.iter().chain(b"\n"));
        place.iter_mut().zip(bytes).for_each(|(place, byte)| *place = *byte);
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
    fn what_a_certificate_is_called_says_what_revokes_it() {
        let issued = Issued { mount: "teams/p%20ki".into(), serial: "1c:79:ff".into(), expires: u64::MAX };
        assert_eq!(Issued::parse(issued.id().as_str()), Some(issued));
        for id in ["", "pki", "pki 1c", "pki 1c x", "pki 1c -1", "pki 1c 1 1", "pki ../x 1", "pki  1", "db/creds/app/1"]
        {
            assert_eq!(Issued::parse(id), None, "{id:?}");
        }
    }

    #[test]
    fn one_that_never_ends_has_an_end_all_the_same() {
        let issued = |expires| Issued { mount: "pki".into(), serial: "1c".into(), expires };
        assert!(issued(u64::MAX).left().is_some_and(|left| tokio::time::Instant::now().checked_add(left).is_some()));
        assert_eq!((issued(0).left(), issued(1_600_000_000).left()), (None, None));
    }

    #[test]
    fn certificate_chain_and_key_are_one_text() {
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
