//! What a skill's author declares of it, as a document, of `far-capability`. `far-component` finds it in a component, as
//! the custom section `tinkerbell:skill`.

pub use far_capability::{Declaration, DeclarationError, DeclaredSecret};
