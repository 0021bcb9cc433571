//! The macros of `far-skill`. They are documented there, and are to be used from there alone.
//!
//! What they read — the function, the type, the declaration — is judged here, where an error can point at it; what they
//! write is as little as can be, and calls `far-skill`.

mod schema;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// The JSON Schema of a type; see `far_skill::Schema`.
#[proc_macro_derive(Schema)]
pub fn schema(item: TokenStream) -> TokenStream {
    let item = parse_macro_input!(item as DeriveInput);
    schema::expand(&item).unwrap_or_else(syn::Error::into_compile_error).into()
}
