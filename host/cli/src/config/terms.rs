//! The keys shared by secrets and grants: operations, destinations, placements and signing.

use std::convert::Infallible;
use std::time::Duration;

use far_core::capability::{
    Destination, JwtAlgorithm, JwtRule, JwtTerms, Operation, Operations, Placement, Signing, SigningError, Terms,
};

use super::key::{Form, Key, Keys, NONE};
use super::reader::{Table, Value};
use super::units::{self, Max};
use crate::messages::config::ConfigError;

pub(super) const SIGNING: Keys = Keys::new(&[
    Key::new("hmac", Form::Boolean, NONE, "`true` permits HMAC-SHA-256 over any bytes; excludes `jwt`."),
    Key::new("jwt", Form::Table, NONE, "Permits signed tokens; excludes `hmac`."),
]);
pub(super) const JWT: Keys = Keys::new(&[
    Key::new(
        "algorithm",
        Form::OneOf(&["HS256", "RS256", "ES256", "EdDSA"]),
        NONE,
        "The algorithm of the signature; declaration, grant or `far.toml` must set it.",
    ),
    Key::new("key-id", Form::Text("an ID"), NONE, "The `kid` of the header."),
    Key::new("issuer", Form::Text("an issuer"), NONE, "The `iss` of the claims."),
    Key::new("subject", Form::Text("a subject"), NONE, "The `sub` of the claims."),
    Key::new("audience", Form::Text("an audience"), NONE, "The `aud` of the claims."),
    Key::new("max-ttl", Form::Duration(MAX_TTL.text), "10m", "The maximum lifetime of a token."),
]);

/// The maximum lifetime of a signed token.
const MAX_TTL: Max<Duration> = Max { value: JwtRule::LONGEST_TTL, text: "1h" };

/// Takes `operations`, `destinations`, `placements` and `signing`. `what` names the table in
/// errors, and `usual` is the default of `operations`.
pub(super) fn take(table: &mut Table<'_>, what: &str, usual: Option<Operations>) -> Result<Terms, ConfigError> {
    let operations = match (table.take("operations"), usual) {
        (Some(value), _) => value.list(|value| value.read(str::parse::<Operation>))?.into_iter().collect(),
        (None, Some(usual)) => usual,
        (None, None) => return Err(table.missing("operations")),
    };
    let destinations = match table.take("destinations") {
        Some(value) => destinations(value)?,
        None => Vec::new(),
    };
    let placements = table.take("placements").map(|value| value.list(|value| value.read(str::parse::<Placement>)));
    let terms = Terms::new(operations, destinations);
    let terms = match placements.transpose()? {
        Some(placements) => terms.and_then(|terms| terms.with_placements(placements)),
        None => terms,
    };
    let terms = match table.take("signing").map(signing).transpose()? {
        Some(signing) => terms.and_then(|terms| terms.with_signing(signing)),
        None => terms,
    };
    terms.map_err(|error| table.invalid(format!("{what} {error}")))
}

/// Reads destinations.
pub(super) fn destinations(value: Value<'_>) -> Result<Vec<Destination>, ConfigError> {
    value.list(|value| value.read(str::parse::<Destination>))
}

/// The error for `only-sealed` without destinations.
pub(super) const ONLY_SEALED_NOWHERE: &str =
    "has 'only-sealed' without the operation 'seal': there are no destinations to restrict";

/// Takes `only-sealed`, which refuses requests to the destinations without the secret.
pub(super) fn only_sealed(table: &mut Table<'_>) -> Result<bool, ConfigError> {
    Ok(table.take("only-sealed").map(|value| value.boolean()).transpose()?.unwrap_or_default())
}

fn signing(value: Value<'_>) -> Result<Signing, ConfigError> {
    let mut table = value.table_of(&SIGNING)?;
    let hmac = table.take("hmac").map(|value| value.boolean()).transpose()?;
    match (hmac, table.take("jwt")) {
        (Some(true), None) => Ok(Signing::Hmac),
        (None, Some(jwt)) => self::jwt(jwt).map(Signing::Jwt),
        _ => Err(table.invalid(SigningError)),
    }
}

fn jwt(value: Value<'_>) -> Result<JwtTerms, ConfigError> {
    let mut table = value.table_of(&JWT)?;
    let algorithm = table.take("algorithm").map(|value| value.read(str::parse::<JwtAlgorithm>)).transpose()?;
    let max_ttl = table.take("max-ttl").map(|value| value.read(|text| units::duration(text, &MAX_TTL))).transpose()?;
    let mut optional = |name| table.take(name).map(|value| text(&value)).transpose();
    Ok(JwtTerms {
        algorithm,
        key_id: optional("key-id")?,
        issuer: optional("issuer")?,
        subject: optional("subject")?,
        audience: optional("audience")?,
        max_ttl,
    })
}

/// Reads a non-empty string.
pub(super) fn text(value: &Value<'_>) -> Result<String, ConfigError> {
    let text = value.read(|text| Ok::<_, Infallible>(text.to_owned()))?;
    if text.is_empty() { Err(value.invalid("must not be empty", None)) } else { Ok(text) }
}
