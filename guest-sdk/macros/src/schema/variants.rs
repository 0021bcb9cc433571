//! Enums, in the four ways in which serde tells variants apart.

use quote::quote;
use serde_derive_internals::ast::{Style, Variant};
use serde_derive_internals::attr::{Container, TagType};

use super::docs::description;
use super::fields::{self, Tag};
use super::pieces::{Pieces, json, required};
use super::unsupported;

/// The members of the schema of an enum: any of its variants.
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

/// The schema of a variant, in its braces.
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
            // Serde takes and ignores whatever is beside the tag of a variant without fields.
            let deny_unknown = deny_unknown && matches!(variant.style, Style::Struct);
            fields::object(members, &variant.fields, Some(tag), false, deny_unknown)?;
        }
        (TagType::Internal { .. }, Style::Newtype | Style::Tuple) => {
            let what = "the schema cannot tell a tag from the fields of another type: write the fields in the variant \
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

/// The schema of what a variant holds, in its braces.
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

/// Refuses what the schema of a variant cannot tell.
fn check(variant: &Variant<'_>) -> syn::Result<()> {
    let refused = [
        (variant.attrs.other(), "`other`"),
        (variant.attrs.deserialize_with().is_some(), "`deserialize_with`"),
        (fields::has_alias(variant.attrs.name(), variant.attrs.aliases()), "`alias`"),
    ];
    match refused.into_iter().find(|(refused, _)| *refused) {
        Some((_, what)) => Err(unsupported(variant.original, what)),
        None => Ok(()),
    }
}
