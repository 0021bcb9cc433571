//! A schema as it is written: text that is known here, and the schemas of other types, which are known to the compiler.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Type;
use syn::spanned::Spanned;

/// Text and schemas, one after the other.
#[derive(Default)]
pub(super) struct Pieces {
    done: Vec<TokenStream>,
    text: String,
}

impl Pieces {
    pub(super) fn text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// The schema of a type, with a description instead of the type's own.
    pub(super) fn schema(&mut self, description: Option<&str>, of: &Type) {
        let description = optional(description);
        let schema = schema(of);
        self.piece(&quote!(Schema(#description, &#schema)));
    }

    /// The member `required`, which follows another one: names, with the condition that they are.
    pub(super) fn required(&mut self, names: &[(String, TokenStream)]) {
        let names = names.iter().map(|(name, required)| {
            let name = json(name);
            quote!((#name, #required))
        });
        self.piece(&quote!(Required(&[#(#names),*])));
    }

    /// The pieces as an array.
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

/// The schema of a type, as code; an error about it points at the type.
pub(super) fn schema(of: &Type) -> TokenStream {
    quote_spanned!(of.span()=> <#of as ::far_skill::Schema>::SCHEMA)
}

/// Whether a field of a type must be there, as code.
pub(super) fn required(of: &Type) -> TokenStream {
    quote_spanned!(of.span()=> <#of as ::far_skill::Schema>::REQUIRED)
}

/// A description, as code.
pub(super) fn optional(description: Option<&str>) -> TokenStream {
    match description.map(json) {
        Some(description) => quote!(::core::option::Option::Some(#description)),
        None => quote!(::core::option::Option::None),
    }
}

/// A text as a JSON string.
pub(super) fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
