//! A fake host for a skill's own tests, which run with `cargo test` and without WebAssembly.
//!
//! ```
//! use far_skill::secrets::Operation;
//! use far_skill::testing::{Declaration, DeclaredSecret, Ended, Host, Use};
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
//! assert_eq!(host.uses(), [Use::asked("stamp-key"), Use::signed("stamp-key")]);
//!
//! let host = Host::new(DECLARATION).failing("stamp-key", secrets::Error::Revoked);
//! assert_eq!(host.run_json(stamp, r#""hi""#), Err(Ended::Failed("the secret was revoked".to_owned())));
//! # Ok::<(), Ended>(())
//! ```
//!
//! The host's own code judges names, versions, operations, kinds of keys, claims, destinations, placements, and the headers
//! that a skill has no say in; a [`Declaration`] that the host would refuse panics. Uses, and the order in which all of
//! these are asked, are as the host has them. The fake signs messages for real, and tokens by HMAC-SHA-256 whatever their
//! algorithm, so that a test needs no key of it. Grant and catalog say what the skill declares, but for what a test says of
//! operations, versions, uses, and of hosts to which nothing goes without a secret. What it leaves out: where else requests
//! without a secret may go, times that the operator set, limits of the task but those, redaction of what was revealed, and
//! sharing the host's memory with other tasks. Whether a component that calls [`reveal`](crate::reveal) declares it for any
//! secret at all is for the host to see. A skill runs on the thread that its test runs on, and tests on several see nothing
//! of each other.

mod declaration;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) mod fake;

pub use declaration::{Algorithm, Declaration, DeclaredSecret, Jwt};
#[cfg(not(target_arch = "wasm32"))]
pub use fake::{Denial, Ended, Host, Reason, Sent, Use};

pub use crate::secrets::Operation;
