//! Components against the host, as an embedder runs them.

mod declarations;
mod lifetime;
mod limits;
mod meter;
mod metrics;
mod redaction;
mod refusals;
mod sandbox;
mod sealed;
mod skills;
mod tokens;
mod violations;
