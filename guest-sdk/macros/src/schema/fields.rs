//! Schemas of structs, of tuples, and of variants with fields.

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use serde_derive_internals::ast::Field;
use serde_derive_internals::name::{MultiName, Name};

use super::docs::description;
use super::pieces::{Pieces, json, required};
use super::unsupported;

/// The tag of an internally tagged variant.
#[derive(Clone, Copy)]
pub(super) struct Tag<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a str,
}

/// Writes the members of an object's schema.
pub(super) fn object(
    members: &mut Pieces,
    fields: &[Field<'_>],
    tag: Option<Tag<'_>>,
    defaults: bool,
    deny_unknown: bool,
) -> syn::Result<()> {
    let mut needed: Vec<(String, TokenStream)> = Vec::new();
    members.text(r#""type":"object","properties":{"#);
    if let Some(Tag { name, value }) = tag {
        members.text(&format!(r#"{}:{{"const":{}}}"#, json(name), json(value)));
        needed.push((name.to_owned(), quote!(true)));
    }
    let mut first = tag.is_none();
    for field in fields {
        check(field)?;
        if field.attrs.skip_deserializing() {
            continue;
        }
        let name = &field.attrs.name().deserialize_name().value;
        if !std::mem::take(&mut first) {
            members.text(",");
        }
        members.text(&format!("{}:", json(name)));
        members.schema(description(&field.original.attrs).as_deref(), field.ty);
        if !defaults && field.attrs.default().is_none() {
            needed.push((name.clone(), required(field.ty)));
        }
    }
    members.text("}");
    members.required(&needed);
    if deny_unknown {
        members.text(r#","additionalProperties":false"#);
    }
    Ok(())
}

/// Writes the members of the schema of an array with one type for each item.
pub(super) fn tuple(members: &mut Pieces, fields: &[Field<'_>]) -> syn::Result<()> {
    members.text(r#""type":"array","prefixItems":["#);
    for (index, field) in fields.iter().enumerate() {
        positional(field)?;
        if index > 0 {
            members.text(",");
        }
        members.schema(description(&field.original.attrs).as_deref(), field.ty);
    }
    let count = fields.len();
    members.text(&format!(r#"],"minItems":{count},"maxItems":{count}"#));
    Ok(())
}

/// Returns the only field.
pub(super) fn only<'a, 'b>(fields: &'a [Field<'b>], at: &impl ToTokens) -> syn::Result<&'a Field<'b>> {
    match fields {
        [field] => positional(field).map(|()| field),
        _ => Err(unsupported(at, "a newtype with no field or several")),
    }
}

fn positional(field: &Field<'_>) -> syn::Result<()> {
    check(field)?;
    match field.attrs.skip_deserializing() || !field.attrs.default().is_none() {
        true => Err(unsupported(field.original, "`default` or `skip` in a tuple")),
        false => Ok(()),
    }
}

/// Returns true if an alias differs from the name; serde includes the name in the aliases.
pub(super) fn has_alias(name: &MultiName, aliases: &BTreeSet<Name>) -> bool {
    aliases.iter().any(|alias| alias != name.deserialize_name())
}

/// Rejects serde attributes of a field that a schema cannot express.
pub(super) fn check(field: &Field<'_>) -> syn::Result<()> {
    let unsupported_attributes = [
        (field.attrs.flatten(), "`flatten`"),
        (field.attrs.deserialize_with().is_some(), "`deserialize_with`"),
        (has_alias(field.attrs.name(), field.attrs.aliases()), "`alias`"),
    ];
    match unsupported_attributes.into_iter().find(|(is_set, _)| *is_set) {
        Some((_, what)) => Err(unsupported(field.original, what)),
        None => Ok(()),
    }
}
