//! Finding the declaration, and what the macros make of it.

use std::fs;
use std::path::Path;

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::LitStr;
use syn::parse::{ParseStream, Parser};

use crate::document::{Document, Secret, minified};
use crate::terms::{Jwt, Signing};

/// The declaration's file where none is named.
const DEFAULT: &str = "skill.json";

/// A declaration, as it was found in a file.
pub(crate) struct Declaration {
    /// The path, relative to the package.
    path: String,
    text: String,
    document: Document,
}

impl Declaration {
    /// Reads the file at a path in a package, or the one that is expected there.
    pub(crate) fn read(path: Option<&LitStr>, package: &Path) -> syn::Result<Self> {
        let span = path.map_or_else(Span::call_site, LitStr::span);
        let path = path.map_or_else(|| DEFAULT.to_owned(), LitStr::value);
        let text = fs::read_to_string(package.join(&path)).map_err(|error| {
            let advice = "write the declaration there, or name its file, relative to `Cargo.toml`";
            syn::Error::new(span, format!("`{path}` cannot be read: {error}; {advice}"))
        })?;
        match Document::parse(&text) {
            Ok(document) => Ok(Self { path, text, document }),
            Err(problem) => Err(syn::Error::new(span, format!("`{path}` is not a declaration: {problem}"))),
        }
    }

    /// The document as it is embedded; the schema of the input, unless it is written there, as pieces of code.
    pub(crate) fn pieces(&self, input_schema: &TokenStream) -> TokenStream {
        let text = minified(&self.text);
        match text.strip_suffix('}') {
            Some(open) if !self.document.has_input_schema => {
                let open = format!("{open},\"input-schema\":");
                quote! {
                    &[
                        ::far_skill::schema::Piece::Text(#open),
                        ::far_skill::schema::Piece::Schema(::core::option::Option::None, &#input_schema),
                        ::far_skill::schema::Piece::Text("}"),
                    ]
                }
            }
            _ => quote!(&[::far_skill::schema::Piece::Text(#text)]),
        }
    }

    /// Has cargo compile again when the file changes.
    pub(crate) fn watched(&self) -> TokenStream {
        let path = format!("/{}", self.path);
        quote! {
            const _: &[u8] =
                ::core::include_bytes!(::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), #path));
        }
    }
}

/// Expands `declaration!`.
pub(crate) fn expand(arguments: TokenStream, package: &Path) -> syn::Result<TokenStream> {
    let path = (|input: ParseStream<'_>| match input.is_empty() {
        true => Ok(None),
        false => input.parse::<LitStr>().map(Some),
    })
    .parse2(arguments)
    .map_err(|error| {
        syn::Error::new(error.span(), "write `declaration!()`, or `declaration!(\"file.json\")` for another file")
    })?;
    let declaration = Declaration::read(path.as_ref(), package)?;
    let watched = declaration.watched();
    let secrets = declaration.document.secrets.iter().map(secret);
    Ok(quote! {{
        #watched
        // A constant, since it is to live on, wherever the declaration is asked for.
        const SECRETS: &[::far_skill::testing::DeclaredSecret] = &[#(#secrets),*];
        ::far_skill::testing::Declaration { secrets: SECRETS }
    }})
}

fn secret(secret: &Secret) -> TokenStream {
    let name = &secret.name.0;
    let operations = secret.operations.iter().map(|operation| format_ident!("{operation:?}"));
    let optional = secret.optional.then(|| quote!(.optional()));
    let destinations = texts("sent_to", secret.destinations.iter().map(|destination| &*destination.0));
    let placements = texts("placed", secret.placements.iter().flatten().map(|placement| &*placement.0));
    let signing = match &secret.signing {
        Some(Signing::Jwt(jwt)) => {
            let jwt = tokens(jwt);
            quote!(.signing_tokens(#jwt))
        }
        Some(Signing::Hmac) | None => TokenStream::new(),
    };
    quote! {
        ::far_skill::testing::DeclaredSecret::new(#name, &[#(::far_skill::secrets::Operation::#operations),*])
            #optional #destinations #placements #signing
    }
}

/// A call with all of these texts, if there are any.
fn texts<'a>(method: &str, texts: impl Iterator<Item = &'a str>) -> TokenStream {
    let (method, texts) = (format_ident!("{method}"), texts.collect::<Vec<_>>());
    if texts.is_empty() { TokenStream::new() } else { quote!(.#method(&[#(#texts),*])) }
}

fn tokens(jwt: &Jwt) -> TokenStream {
    let algorithm = jwt.algorithm.map(|algorithm| {
        let algorithm = format_ident!("{algorithm:?}");
        quote!(.algorithm(::far_skill::testing::Algorithm::#algorithm))
    });
    let said =
        [("key_id", &jwt.key_id), ("issuer", &jwt.issuer), ("subject", &jwt.subject), ("audience", &jwt.audience)];
    let said = said.into_iter().filter_map(|(method, said)| {
        let (method, said) = (format_ident!("{method}"), said.as_ref()?);
        Some(quote!(.#method(#said)))
    });
    quote!(::far_skill::testing::Jwt::new() #algorithm #(#said)*)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A package with declarations: far-skill's, for its examples.
    pub(crate) fn package() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
    }

    fn problem(arguments: TokenStream) -> String {
        expand(arguments, package()).expect_err("a wrong use").to_string()
    }

    #[test]
    fn what_the_host_knows_of_a_secret_is_known_to_tests() {
        let expected = quote! {{
            const _: &[u8] =
                ::core::include_bytes!(::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), "/skill.json"));
            const SECRETS: &[::far_skill::testing::DeclaredSecret] = &[::far_skill::testing::DeclaredSecret::new(
                "stamp-key",
                &[::far_skill::secrets::Operation::Sign]
            )];
            ::far_skill::testing::Declaration { secrets: SECRETS }
        }};
        assert_eq!(expand(TokenStream::new(), package()).unwrap().to_string(), expected.to_string());
        assert_eq!(expand(quote!("skill.json"), package()).unwrap().to_string(), expected.to_string());
    }

    #[test]
    fn where_a_secret_goes_and_what_it_signs_is_known_to_tests() {
        let document = Document::parse(
            r#"{ "name": "s", "version": "1", "description": "d", "secrets": [{
                "name": "app", "operations": ["sign", "seal"], "destinations": ["GET https://a.example"],
                "placements": ["query:key"], "optional": true, "reason": "r",
                "signing": { "jwt": { "algorithm": "EdDSA", "key-id": "k1", "audience": "a" } } }] }"#,
        );
        let expected = quote! {
            ::far_skill::testing::DeclaredSecret::new(
                "app",
                &[::far_skill::secrets::Operation::Sign, ::far_skill::secrets::Operation::Seal]
            )
            .optional()
            .sent_to(&["GET https://a.example"])
            .placed(&["query:key"])
            .signing_tokens(
                ::far_skill::testing::Jwt::new()
                    .algorithm(::far_skill::testing::Algorithm::EdDsa)
                    .key_id("k1")
                    .audience("a")
            )
        };
        assert_eq!(secret(&document.unwrap().secrets[0]).to_string(), expected.to_string());
    }

    #[test]
    fn a_wrong_use_is_told() {
        let usage = "write `declaration!()`, or `declaration!(\"file.json\")` for another file";
        assert_eq!(problem(quote!(skill)), usage);
        assert_eq!(problem(quote!("a", "b")), usage);
        assert_eq!(
            problem(quote!("none.json")),
            "`none.json` cannot be read: No such file or directory (os error 2); write the declaration there, or name \
             its file, relative to `Cargo.toml`"
        );
        assert_eq!(
            problem(quote!("Cargo.toml")),
            "`Cargo.toml` is not a declaration: expected value at line 1 column 2"
        );
    }
}
