//! What a skill's author declares, embedded in the component as the custom section `tinkerbell:skill`.
//!
//! This is the one parser of declarations: admission, inspection and comparison all read through it. A component that
//! could be read in two ways — two sections, trailing bytes, a key twice — is refused.

mod embed;
mod section;

pub use embed::{EmbedError, Embedded, embed};
pub use far_capability::{Declaration, DeclarationError, DeclaredSecret};
pub use section::{ComponentError, MAX_DEPTH, SECTION, read};
