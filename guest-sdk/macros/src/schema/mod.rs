//! The derive macro: a type's JSON Schema, from its serde attributes.
//!
//! An attribute that would make the schema accept more than serde is an error, not an approximate
//! schema.

mod docs;
mod fields;
mod pieces;
mod variants;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use serde_derive_internals::ast::{Container, Data, Style};
use serde_derive_internals::attr::{Identifier, TagType};
use serde_derive_internals::{Ctxt, Derive};
use syn::{DeriveInput, Ident, Type, parse_quote};

use self::docs::description;
use self::pieces::{Pieces, optional, required, schema};

/// Expands `#[derive(Schema)]`.
pub(crate) fn expand(item: &DeriveInput) -> syn::Result<TokenStream> {
    let context = Ctxt::new();
    // Serde names this module in its generated code, which is not generated here.
    let container = Container::from_ast(&context, item, Derive::Deserialize, &Ident::new("private", Span::call_site()));
    context.check()?;
    let Some(container) = container else { return Ok(TokenStream::new()) };
    let Parts { description, members, required } = parts(&container)?;

    let mut generics = item.generics.clone();
    for parameter in generics.type_params_mut() {
        parameter.bounds.push(parse_quote!(::far_skill::Schema));
    }
    let (parameters, arguments, bounds) = generics.split_for_impl();
    let name = &item.ident;
    Ok(quote! {
        impl #parameters ::far_skill::Schema for #name #arguments #bounds {
            const SCHEMA: ::far_skill::schema::Node = ::far_skill::schema::Node {
                description: #description,
                members: #members,
            };
            const REQUIRED: bool = #required;
        }
    })
}

/// The parts of a schema as generated code.
struct Parts {
    description: TokenStream,
    members: TokenStream,
    required: TokenStream,
}

fn parts(container: &Container<'_>) -> syn::Result<Parts> {
    check(container)?;
    if let Some(from) = container.attrs.type_from().or(container.attrs.type_try_from()) {
        return Ok(same_as(container, from, required(from)));
    }
    let mut members = Pieces::default();
    match &container.data {
        Data::Struct(_, fields) if container.attrs.transparent() => {
            let Some(field) = fields.iter().find(|field| field.attrs.transparent()) else {
                return Err(unsupported(container.original, "a transparent struct without a field"));
            };
            fields::check(field)?;
            return Ok(same_as(container, field.ty, required(field.ty)));
        }
        Data::Struct(Style::Newtype, fields) => {
            let field = fields::only(fields, container.original)?;
            return Ok(same_as(container, field.ty, quote!(true)));
        }
        Data::Struct(Style::Unit, _) => members.text(r#""type":"null""#),
        Data::Struct(Style::Tuple, fields) => fields::tuple(&mut members, fields)?,
        Data::Struct(Style::Struct, fields) => {
            let defaults = !container.attrs.default().is_none();
            fields::object(&mut members, fields, None, defaults, container.attrs.deny_unknown_fields())?;
        }
        Data::Enum(variants) => variants::any(&mut members, variants, &container.attrs)?,
    }
    let members = members.finish();
    Ok(Parts {
        description: optional(description(&container.original.attrs).as_deref()),
        members: quote!(&#members),
        required: quote!(true),
    })
}

/// Returns the schema of another type, with this type's description if it has one.
fn same_as(container: &Container<'_>, other: &Type, required: TokenStream) -> Parts {
    let schema = schema(other);
    let description = match description(&container.original.attrs) {
        Some(own) => optional(Some(&own)),
        None => quote!(#schema.description),
    };
    Parts { description, members: quote!(#schema.members), required }
}

fn check(container: &Container<'_>) -> syn::Result<()> {
    let at = &container.ident;
    if container.attrs.remote().is_some() {
        return Err(unsupported(at, "`remote`"));
    }
    if !matches!(container.attrs.identifier(), Identifier::No) {
        return Err(unsupported(at, "`field_identifier` and `variant_identifier`"));
    }
    if let (Data::Struct(..), TagType::Internal { .. }) = (&container.data, container.attrs.tag()) {
        return Err(unsupported(at, "`tag` on a struct, which serde only serializes"));
    }
    Ok(())
}

/// Returns the error for an attribute that a schema cannot express.
fn unsupported(at: impl ToTokens, what: &str) -> syn::Error {
    let help = "write the `input-schema` in the declaration instead of deriving it";
    syn::Error::new_spanned(at, format!("a schema cannot express {what}: {help}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(item: TokenStream) -> String {
        expand(&syn::parse2(item).unwrap()).expect_err("a type without a schema").to_string()
    }

    #[test]
    fn unsupported_serde_attribute_is_rejected() {
        let expected = |what: &str| {
            format!(
                "a schema cannot express {what}: write the `input-schema` in the declaration instead of \
                 deriving it"
            )
        };
        let cases = [
            (
                quote!(
                    struct I {
                        #[serde(flatten)]
                        a: A,
                    }
                ),
                "`flatten`",
            ),
            (
                quote!(
                    struct I {
                        #[serde(deserialize_with = "f")]
                        a: A,
                    }
                ),
                "`deserialize_with`",
            ),
            (
                quote!(
                    struct I {
                        #[serde(with = "m")]
                        a: A,
                    }
                ),
                "`deserialize_with`",
            ),
            (
                quote!(
                    struct I {
                        #[serde(alias = "b")]
                        a: A,
                    }
                ),
                "`alias`",
            ),
            (
                quote!(
                    #[serde(remote = "R")]
                    struct I {
                        a: A,
                    }
                ),
                "`remote`",
            ),
            (
                quote!(
                    #[serde(field_identifier)]
                    enum I {
                        A,
                    }
                ),
                "`field_identifier` and `variant_identifier`",
            ),
            (
                quote!(
                    #[serde(tag = "t")]
                    struct I {
                        a: A,
                    }
                ),
                "`tag` on a struct, which serde only serializes",
            ),
            (
                quote!(
                    struct I(A, #[serde(default)] B);
                ),
                "`default` or `skip` in a tuple",
            ),
            (
                quote!(
                    struct I(#[serde(skip)] A);
                ),
                "`default` or `skip` in a tuple",
            ),
            (
                quote!(
                    enum I {
                        #[serde(alias = "B")]
                        A,
                    }
                ),
                "`alias`",
            ),
            (
                quote!(
                    #[serde(tag = "t")]
                    enum I {
                        A,
                        #[serde(other)]
                        B,
                    }
                ),
                "`other`",
            ),
            (
                quote!(
                    enum I {
                        #[serde(with = "m")]
                        A(u8),
                    }
                ),
                "`deserialize_with`",
            ),
        ];
        for (item, what) in cases {
            assert_eq!(problem(item), expected(what));
        }
        assert_eq!(
            problem(quote!(
                #[serde(tag = "t")]
                enum I {
                    A(B),
                }
            )),
            "a schema cannot express a tag among the fields of another type: write the fields in the variant itself, or \
             add `content` to `tag`"
        );
    }

    #[test]
    fn invalid_serde_attribute_reports_serde_error() {
        assert_eq!(
            problem(quote!(
                struct I {
                    #[serde(flat)]
                    a: A,
                }
            )),
            "unknown serde field attribute `flat`"
        );
        assert_eq!(problem(quote!(union I { a: A })), "Serde does not support derive for unions");
    }
}
