//! The macros of `far-skill`. They are documented there, and are to be used from there alone.
//!
//! What they read — the function, the type, the declaration — is judged here, where an error can point at it; what they
//! write is as little as can be, and calls `far-skill`.

#![forbid(unsafe_code)]

mod declaration;
mod schema;
mod skill;

use std::path::PathBuf;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Makes a function the skill; see `far_skill::skill`.
#[proc_macro_attribute]
pub fn skill(arguments: TokenStream, item: TokenStream) -> TokenStream {
    skill::expand(arguments.into(), &item.into(), &package()).into()
}

/// The declaration for tests; see `far_skill::declaration`.
#[proc_macro]
pub fn declaration(path: TokenStream) -> TokenStream {
    declaration::expand(path.into(), &package()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// The JSON Schema of a type; see `far_skill::Schema`.
#[proc_macro_derive(Schema)]
pub fn schema(item: TokenStream) -> TokenStream {
    let item = parse_macro_input!(item as DeriveInput);
    schema::expand(&item).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// The folder of the package that is compiled.
#[expect(clippy::disallowed_methods, reason = "a macro is told by its environment which package it is used in")]
fn package() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default()
}
