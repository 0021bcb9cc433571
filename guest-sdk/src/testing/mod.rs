//! For a skill's own tests, off WebAssembly.

mod declaration;

pub use declaration::{Declaration, DeclaredSecret};
