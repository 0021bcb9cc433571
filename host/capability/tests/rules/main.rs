//! Rules of the capability language, on parsed text.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod check;
mod declarations;
#[path = "../shared/mod.rs"]
mod shared;
