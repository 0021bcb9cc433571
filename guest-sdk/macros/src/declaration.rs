//! Reads the declaration and generates code from it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use far_capability::{Declaration as Parsed, DeclarationError, DeclaredSecret, JwtTerms, Placement, Signing};
use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use serde::de::IgnoredAny;
use syn::LitStr;
use syn::parse::{ParseStream, Parser};

/// The declaration's default file name.
const DEFAULT: &str = "skill.json";

/// A declaration read from a file.
pub(crate) struct Declaration {
    /// Relative to the package directory.
    path: String,
    text: String,
    secrets: Vec<DeclaredSecret>,
    /// True if the document has an `input-schema`, including `null`.
    has_input_schema: bool,
}

impl Declaration {
    /// Reads the declaration of a package from `path`, or from `skill.json`.
    pub(crate) fn read(path: Option<&LitStr>, package: &Path) -> syn::Result<Self> {
        let span = path.map_or_else(Span::call_site, LitStr::span);
        let path = path.map_or_else(|| DEFAULT.to_owned(), LitStr::value);
        let text = fs::read_to_string(package.join(&path)).map_err(|error| {
            let help = "create the file, or name another one relative to `Cargo.toml`";
            syn::Error::new(span, format!("`{path}` cannot be read: {error}; {help}"))
        })?;
        match parse(&text) {
            Ok((secrets, has_input_schema)) => Ok(Self { path, text, secrets, has_input_schema }),
            Err(problem) => Err(syn::Error::new(span, format!("`{path}` is not a valid declaration: {problem}"))),
        }
    }

    /// Returns the embedded document as pieces of code, with the input's schema added unless the
    /// document has one.
    pub(crate) fn pieces(&self, input_schema: &TokenStream) -> TokenStream {
        let text = minified(&self.text);
        match text.strip_suffix('}') {
            Some(open) if !self.has_input_schema => {
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

    /// Returns code that makes cargo recompile the package when the file changes.
    pub(crate) fn watched(&self) -> TokenStream {
        let path = format!("/{}", self.path);
        quote! {
            const _: &[u8] =
                ::core::include_bytes!(::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), #path));
        }
    }
}

/// Parses a document like the host. Returns its secrets, and true if it has an input schema. An
/// error names the problem and its position.
fn parse(text: &str) -> Result<(Vec<DeclaredSecret>, bool), String> {
    let parsed = match Parsed::parse(text.as_bytes()) {
        // The limit applies to the embedded document, which has no whitespace between tokens.
        Err(DeclarationError::TooLarge) => Parsed::parse(minified(text).as_bytes()),
        parsed => parsed,
    };
    let declaration = parsed.map_err(|error| match error {
        DeclarationError::Json(error) => error.to_string(),
        error => error.to_string(),
    })?;
    let keys: BTreeMap<String, IgnoredAny> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    Ok((declaration.secrets, keys.contains_key("input-schema")))
}

/// Removes the whitespace between the tokens of a JSON document.
fn minified(text: &str) -> String {
    let (mut in_string, mut escaped) = (false, false);
    let is_significant = |c: &char| {
        let is_quote = *c == '"' && !escaped;
        escaped = in_string && *c == '\\' && !escaped;
        in_string ^= is_quote;
        in_string || !c.is_ascii_whitespace()
    };
    text.chars().filter(is_significant).collect()
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
    let secrets = declaration.secrets.iter().map(secret);
    Ok(quote! {{
        #watched
        // A constant, because `Declaration` holds a `&'static` slice.
        const SECRETS: &[::far_skill::testing::DeclaredSecret] = &[#(#secrets),*];
        ::far_skill::testing::Declaration { secrets: SECRETS }
    }})
}

fn secret(secret: &DeclaredSecret) -> TokenStream {
    let (name, terms) = (secret.name.as_str(), &secret.terms);
    let operations = terms.operations().iter().map(|operation| format_ident!("{operation:?}"));
    let optional = secret.optional.then(|| quote!(.optional()));
    let destinations =
        list_call("destinations", terms.destinations().iter().map(|destination| destination.as_str().to_owned()));
    let placements = match terms.placements() {
        [Placement::Authorization] => TokenStream::new(),
        placements => list_call("placements", placements.iter().map(ToString::to_string)),
    };
    let signing = match terms.signing() {
        Some(Signing::Jwt(jwt)) => {
            let jwt = jwt_terms(jwt);
            quote!(.jwt(#jwt))
        }
        Some(Signing::Hmac) | None => TokenStream::new(),
    };
    quote! {
        ::far_skill::testing::DeclaredSecret::new(#name, &[#(::far_skill::secrets::Operation::#operations),*])
            #optional #destinations #placements #signing
    }
}

/// Returns a call of `method` with a list of strings, or nothing for an empty list.
fn list_call(method: &str, items: impl Iterator<Item = String>) -> TokenStream {
    let (method, items) = (format_ident!("{method}"), items.collect::<Vec<_>>());
    if items.is_empty() { TokenStream::new() } else { quote!(.#method(&[#(#items),*])) }
}

fn jwt_terms(jwt: &JwtTerms) -> TokenStream {
    let algorithm = jwt.algorithm.map(|algorithm| {
        let algorithm = format_ident!("{algorithm:?}");
        quote!(.algorithm(::far_skill::testing::Algorithm::#algorithm))
    });
    let claims =
        [("key_id", &jwt.key_id), ("issuer", &jwt.issuer), ("subject", &jwt.subject), ("audience", &jwt.audience)];
    let claims = claims.into_iter().filter_map(|(method, claim)| {
        let (method, claim) = (format_ident!("{method}"), claim.as_ref()?);
        Some(quote!(.#method(#claim)))
    });
    quote!(::far_skill::testing::Jwt::new() #algorithm #(#claims)*)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Returns the directory of far-skill, whose examples have declarations.
    pub(crate) fn package() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
    }

    fn problem(arguments: TokenStream) -> String {
        expand(arguments, package()).expect_err("an invalid use").to_string()
    }

    #[test]
    fn macro_expands_to_declaration() {
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
    fn expansion_keeps_destinations_and_jwt_terms() {
        let (secrets, _) = parse(
            r#"{ "name": "s", "version": "1", "description": "d", "secrets": [{
                "name": "app", "operations": ["sign", "seal"], "destinations": ["GET https://a.example"],
                "placements": ["query:key"], "optional": true, "reason": "r",
                "signing": { "jwt": { "algorithm": "EdDSA", "key-id": "k1", "audience": "a" } } }] }"#,
        )
        .unwrap();
        let expected = quote! {
            ::far_skill::testing::DeclaredSecret::new(
                "app",
                &[::far_skill::secrets::Operation::Seal, ::far_skill::secrets::Operation::Sign]
            )
            .optional()
            .destinations(&["GET https://a.example"])
            .placements(&["query:key"])
            .jwt(
                ::far_skill::testing::Jwt::new()
                    .algorithm(::far_skill::testing::Algorithm::EdDsa)
                    .key_id("k1")
                    .audience("a")
            )
        };
        assert_eq!(secret(&secrets[0]).to_string(), expected.to_string());
    }

    const GOOD: &str = r#"{ "name": "hook", "version": "1", "description": "d",
        "secrets": [{ "name": "a", "operations": ["sign"], "reason": "r" }] }"#;

    fn error_after(from: &str, to: &str) -> String {
        assert!(GOOD.contains(from), "{from}");
        parse(&GOOD.replace(from, to)).expect_err("an invalid declaration")
    }

    #[test]
    fn null_counts_as_input_schema() {
        assert!(!parse(GOOD).unwrap().1);
        assert!(parse(&GOOD.replace("] }", r#"], "input-schema": null }"#)).unwrap().1);
    }

    /// far-capability has the rules and their tests.
    #[test]
    fn invalid_declaration_error_has_position() {
        let known =
            "expected one of `name`, `operations`, `destinations`, `placements`, `signing`, `reason`, `optional`";
        assert_eq!(error_after("reason", "why"), format!("unknown field `why`, {known} at line 2 column 64"));
        assert_eq!(
            error_after("sign", "view"),
            "unknown variant `view`, expected one of `seal`, `sign`, `reveal`, `refresh` at line 2 column 56"
        );
        assert_eq!(
            error_after(r#""name": "a""#, r#""name": "A""#),
            "a name is made of a-z, 0-9, '.', '_', '-' and '/': byte 0 is invalid at line 2 column 33"
        );
        assert_eq!(error_after(r#""name": "a""#, r#""name": "a", "name": "b""#), "duplicate key at line 2 column 46");
        assert_eq!(error_after(r#""d","#, r#""d""#), "expected `,` or `}` at line 2 column 9");
        assert_eq!(error_after("] }", "] } x"), "trailing characters at line 2 column 79");
        assert_eq!(error_after(r#""version": "1", "#, ""), "missing field `version` at line 2 column 77");
        assert_eq!(
            error_after(r#"] }"#, r#"], "input-schema": { "a": [{ "b": 1, "b": 2 }] } }"#),
            "duplicate key at line 2 column 119"
        );
        assert_eq!(
            error_after(r#"["sign"]"#, "[]"),
            "the declared secret 'a' names no operation: name at least one of 'seal', 'sign', 'reveal', 'refresh'"
        );
        let once = r#"{ "name": "a", "operations": ["sign"], "reason": "r" }"#;
        assert_eq!(error_after(once, &format!("{once}, {once}")), "the secret 'a' is declared twice");
    }

    #[test]
    fn size_limit_ignores_whitespace() {
        let blank = " ".repeat(Parsed::MAX_LEN);
        assert!(parse(&format!("{GOOD}{blank}")).is_ok());
        let long = "d".repeat(Parsed::MAX_LEN);
        assert_eq!(error_after(r#""d""#, &format!("{long:?}")), "the declaration has more than 65536 bytes");
    }

    #[test]
    fn minified_keeps_whitespace_in_strings() {
        assert_eq!(minified("{ \"a \\\" b\" :\n [ \"\\\\\" , 1 ]\t}\r\n"), r#"{"a \" b":["\\",1]}"#);
    }

    #[test]
    fn misuse_reports_correct_usage() {
        let usage = "write `declaration!()`, or `declaration!(\"file.json\")` for another file";
        assert_eq!(problem(quote!(skill)), usage);
        assert_eq!(problem(quote!("a", "b")), usage);
        assert_eq!(
            problem(quote!("none.json")),
            "`none.json` cannot be read: No such file or directory (os error 2); create the file, or name another one \
             relative to `Cargo.toml`"
        );
        assert_eq!(
            problem(quote!("Cargo.toml")),
            "`Cargo.toml` is not a valid declaration: expected value at line 1 column 2"
        );
    }
}
