//! What a secret of the catalog and a grant have in common: operations, destinations and placements.

use std::convert::Infallible;

use far_core::capability::{Destination, Operation, Placement, Terms};

use super::error::ConfigError;
use super::reader::{Table, Value};

/// Takes `operations`, `destinations` and `placements`; `what` names the thing that has them.
pub(super) fn take(table: &mut Table<'_>, what: &str) -> Result<Terms, ConfigError> {
    let operations = table.require("operations")?.list(|value| value.read(str::parse::<Operation>))?;
    let destinations = match table.take("destinations") {
        Some(value) => destinations(value)?,
        None => Vec::new(),
    };
    let placements = table.take("placements").map(|value| value.list(|value| value.read(str::parse::<Placement>)));
    let terms = Terms::new(operations.into_iter().collect(), destinations);
    let terms = match placements.transpose()? {
        Some(placements) => terms.and_then(|terms| terms.with_placements(placements)),
        None => terms,
    };
    terms.map_err(|error| table.invalid(format!("{what} {error}")))
}

/// Reads destinations.
pub(super) fn destinations(value: Value<'_>) -> Result<Vec<Destination>, ConfigError> {
    value.list(|value| value.read(str::parse::<Destination>))
}

/// Reads a text that is not empty.
pub(super) fn text(value: &Value<'_>) -> Result<String, ConfigError> {
    let text = value.read(|text| Ok::<_, Infallible>(text.to_owned()))?;
    if text.is_empty() { Err(value.invalid("the text is empty", None)) } else { Ok(text) }
}
