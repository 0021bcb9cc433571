//! Schemas of enums, in the four tagging modes of serde.

use quote::quote;
use serde_derive_internals::ast::{Style, Variant};
use serde_derive_internals::attr::{Container, TagType};

use super::docs::description;
use super::fields::{self, Tag};
use super::pieces::{Pieces, json, required};
use super::unsupported;

/// Writes the members of an enum's schema, which accepts any of its variants.
pub(super) fn any(members: &mut Pieces, variants: &[Variant<'_>], enumeration: &Container) -> syn::Result<()> {
    variants.iter().try_for_each(check)?;
    let read: Vec<_> = variants.iter().filter(|variant| !variant.attrs.skip_deserializing()).collect();
    if read.is_empty() {
        members.text(r#""not":{}"#);
        return Ok(());
    }
    let is_name = |variant: &&Variant<'_>| {
        let external = matches!(enumeration.tag(), TagType::External) && !variant.attrs.untagged();
        external && matches!(variant.style, Style::Unit) && description(&variant.original.attrs).is_none()
    };
    if read.iter().all(is_name) {
        let names: Vec<_> = read.iter().map(|variant| json(name(variant))).collect();
        members.text(&format!(r#""type":"string","enum":[{}]"#, names.join(",")));
        return Ok(());
    }
    members.text(r#""anyOf":["#);
    for (index, variant) in read.into_iter().enumerate() {
        if index > 0 {
            members.text(",");
        }
        one(members, variant, enumeration)?;
    }
    members.text("]");
    Ok(())
}

/// Writes the schema of a variant, with its braces.
fn one(members: &mut Pieces, variant: &Variant<'_>, enumeration: &Container) -> syn::Result<()> {
    let description = description(&variant.original.attrs);
    let deny_unknown = enumeration.deny_unknown_fields();
    let name = name(variant);
    if variant.attrs.untagged() || matches!(enumeration.tag(), TagType::None) {
        return content(members, variant, description.as_deref(), deny_unknown);
    }
    open(members, description.as_deref());
    match (enumeration.tag(), variant.style) {
        (TagType::External, Style::Unit) => members.text(&format!(r#""const":{}"#, json(name))),
        (TagType::Internal { tag }, Style::Struct | Style::Unit) => {
            let tag = Tag { name: tag, value: name };
            // Serde ignores other keys beside the tag of a unit variant.
            let deny_unknown = deny_unknown && matches!(variant.style, Style::Struct);
            fields::object(members, &variant.fields, Some(tag), false, deny_unknown)?;
        }
        (TagType::Internal { .. }, Style::Newtype | Style::Tuple) => {
            let what = "a schema cannot express a tag among the fields of another type: write the fields in the variant \
                        itself, or add `content` to `tag`";
            return Err(syn::Error::new_spanned(variant.original, what));
        }
        (TagType::Adjacent { tag, content: key }, style) => {
            members.text(&format!(
                r#""type":"object","properties":{{{}:{{"const":{}}},{}:"#,
                json(tag),
                json(name),
                json(key)
            ));
            content(members, variant, None, deny_unknown)?;
            members.text("}");
            let needed = match (style, variant.fields.as_slice()) {
                (Style::Unit, _) => quote!(false),
                (Style::Newtype, [field]) => required(field.ty),
                _ => quote!(true),
            };
            members.required(&[(tag.clone(), quote!(true)), (key.clone(), needed)]);
            if deny_unknown {
                members.text(r#","additionalProperties":false"#);
            }
        }
        (TagType::External | TagType::None, _) => {
            members.text(&format!(r#""type":"object","properties":{{{}:"#, json(name)));
            content(members, variant, None, deny_unknown)?;
            members.text(&format!(r#"}},"required":[{}],"additionalProperties":false"#, json(name)));
        }
    }
    members.text("}");
    Ok(())
}

/// Writes the schema of a variant's content, with its braces.
fn content(
    members: &mut Pieces,
    variant: &Variant<'_>,
    description: Option<&str>,
    deny_unknown: bool,
) -> syn::Result<()> {
    if let Style::Newtype = variant.style {
        members.schema(description, fields::only(&variant.fields, variant.original)?.ty);
        return Ok(());
    }
    open(members, description);
    match variant.style {
        Style::Tuple => fields::tuple(members, &variant.fields)?,
        Style::Struct => fields::object(members, &variant.fields, None, false, deny_unknown)?,
        Style::Unit | Style::Newtype => members.text(r#""type":"null""#),
    }
    members.text("}");
    Ok(())
}

fn open(members: &mut Pieces, description: Option<&str>) {
    members.text("{");
    if let Some(description) = description {
        members.text(&format!(r#""description":{},"#, json(description)));
    }
}

fn name<'a>(variant: &'a Variant<'_>) -> &'a str {
    &variant.attrs.name().deserialize_name().value
}

/// Rejects serde attributes of a variant that a schema cannot express.
fn check(variant: &Variant<'_>) -> syn::Result<()> {
    let unsupported_attributes = [
        (variant.attrs.other(), "`other`"),
        (variant.attrs.deserialize_with().is_some(), "`deserialize_with`"),
        (fields::has_alias(variant.attrs.name(), variant.attrs.aliases()), "`alias`"),
    ];
    match unsupported_attributes.into_iter().find(|(is_set, _)| *is_set) {
        Some((_, what)) => Err(unsupported(variant.original, what)),
        None => Ok(()),
    }
}
