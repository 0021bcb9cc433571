//! Procedural macros of `far-skill`, which documents and re-exports them.
//!
//! The macros check their input (the function, the type, the declaration), because only they can
//! point an error at it. The generated code is minimal and calls `far-skill`.

#![forbid(unsafe_code)]

mod declaration;
mod schema;
mod skill;

use std::path::PathBuf;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Exports a function as the skill; see `far_skill::skill`.
#[proc_macro_attribute]
pub fn skill(arguments: TokenStream, item: TokenStream) -> TokenStream {
    skill::expand(arguments.into(), &item.into(), &package()).into()
}

/// Reads the declaration for tests; see `far_skill::declaration`.
#[proc_macro]
pub fn declaration(path: TokenStream) -> TokenStream {
    declaration::expand(path.into(), &package()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Derives the JSON Schema of a type; see `far_skill::Schema`.
#[proc_macro_derive(Schema)]
pub fn schema(item: TokenStream) -> TokenStream {
    let item = parse_macro_input!(item as DeriveInput);
    schema::expand(&item).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Returns the directory of the package that is being compiled.
#[expect(clippy::disallowed_methods, reason = "cargo names the package that uses a macro in the environment")]
fn package() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default()
}
