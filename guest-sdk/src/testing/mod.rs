//! A fake host for a skill's unit tests, which run with `cargo test` and without WebAssembly.
//!
//! ```
//! use far_skill::secrets::Operation;
//! use far_skill::testing::{Declaration, DeclaredSecret, RunError, Host, Use};
//! use far_skill::{secrets, signing};
//!
//! fn stamp(message: String) -> Result<Vec<u8>, far_skill::Error> {
//!     let key = secrets::get("stamp-key")?;
//!     Ok(signing::hmac_sha256(&key, message.as_bytes())?.to_vec())
//! }
//!
//! const DECLARATION: Declaration = Declaration {
//!     secrets: &[DeclaredSecret::new("stamp-key", &[Operation::Sign])],
//! };
//!
//! let host = Host::new(DECLARATION).secret("stamp-key", "k3y");
//! let signature = host.run(stamp, "hi".to_owned())?;
//! assert_eq!(signature.len(), 32);
//! assert_eq!(host.uses(), [Use::get("stamp-key"), Use::sign("stamp-key")]);
//!
//! let host = Host::new(DECLARATION).fail_get("stamp-key", secrets::Error::Revoked);
//! let error = host.run_json(stamp, r#""hi""#).unwrap_err();
//! assert_eq!(error, RunError::Failure("the secret was revoked".to_owned()));
//! # Ok::<(), RunError>(())
//! ```
//!
//! # Fidelity
//!
//! The real host's code checks names, versions, operations, kinds of keys, claims, destinations,
//! placements and restricted headers, in the real host's order. A [`Declaration`] that the real
//! host would reject panics. The fake host signs messages like the real one. It signs all tokens
//! with HMAC-SHA-256, so that a test needs no key for the declared algorithm.
//!
//! The grant and the operator's configuration allow everything that the skill declares. A test can
//! narrow operations, versions and uses, and can require a secret for all requests to a host.
//!
//! The fake host does not model:
//!
//! - the destinations of requests without a secret,
//! - lifetimes that the operator configures,
//! - other limits of the task,
//! - redaction of revealed secrets,
//! - memory shared with other tasks,
//! - the check that a component that imports [`reveal`](crate::reveal) also declares it.
//!
//! A skill runs on its test's thread, and tests on different threads are isolated from each other.

mod declaration;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) mod fake;

pub use declaration::{Algorithm, Declaration, DeclaredSecret, Jwt};
#[cfg(not(target_arch = "wasm32"))]
pub use fake::{Denial, Host, Reason, RunError, SentRequest, Use};

pub use crate::secrets::Operation;
