//! The rules of the capability language, from the texts that people write.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod check;
mod declarations;
#[path = "../shared/mod.rs"]
mod shared;
