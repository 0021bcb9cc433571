//! A schema in construction: text, and the schemas of other types, which only the compiler knows.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Type;
use syn::spanned::Spanned;

/// A sequence of text and schemas.
#[derive(Default)]
pub(super) struct Pieces {
    done: Vec<TokenStream>,
    text: String,
}

impl Pieces {
    pub(super) fn text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Appends the schema of a type; a description replaces the type's own.
    pub(super) fn schema(&mut self, description: Option<&str>, of: &Type) {
        let description = optional(description);
        let schema = schema(of);
        self.piece(&quote!(Schema(#description, &#schema)));
    }

    /// Appends the member `required`. Each name has a condition, as code.
    pub(super) fn required(&mut self, names: &[(String, TokenStream)]) {
        let names = names.iter().map(|(name, required)| {
            let name = json(name);
            quote!((#name, #required))
        });
        self.piece(&quote!(Required(&[#(#names),*])));
    }

    /// Returns the pieces as an array expression.
    pub(super) fn finish(mut self) -> TokenStream {
        self.end_text();
        let Self { done, .. } = self;
        quote!([#(#done),*])
    }

    fn piece(&mut self, piece: &TokenStream) {
        self.end_text();
        self.done.push(quote!(::far_skill::schema::Piece::#piece));
    }

    fn end_text(&mut self) {
        let text = std::mem::take(&mut self.text);
        if !text.is_empty() {
            self.done.push(quote!(::far_skill::schema::Piece::Text(#text)));
        }
    }
}

/// Returns the schema of a type as code. A compile error about the schema points at the type.
pub(super) fn schema(of: &Type) -> TokenStream {
    quote_spanned!(of.span()=> <#of as ::far_skill::Schema>::SCHEMA)
}

/// Returns a condition, as code: true if a field of the type is required.
pub(super) fn required(of: &Type) -> TokenStream {
    quote_spanned!(of.span()=> <#of as ::far_skill::Schema>::REQUIRED)
}

/// Returns a description as code.
pub(super) fn optional(description: Option<&str>) -> TokenStream {
    match description.map(json) {
        Some(description) => quote!(::core::option::Option::Some(#description)),
        None => quote!(::core::option::Option::None),
    }
}

/// Returns a string as a JSON literal.
pub(super) fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
