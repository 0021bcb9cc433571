//! Schema descriptions from doc comments.

use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// Returns the text of a doc comment, one line for each paragraph.
pub(super) fn description(attributes: &[Attribute]) -> Option<String> {
    let lines: Vec<_> = attributes.iter().filter_map(line).collect();
    let text = lines.join("\n");
    let paragraphs = text.split("\n\n").map(|paragraph| paragraph.split('\n').collect::<Vec<_>>().join(" "));
    let text = paragraphs.collect::<Vec<_>>().join("\n\n");
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn line(attribute: &Attribute) -> Option<String> {
    match &attribute.meta {
        Meta::NameValue(meta) if meta.path.is_ident("doc") => match &meta.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(lines(&text.value())),
            _ => None,
        },
        _ => None,
    }
}

/// Trims each line: a block comment is one attribute with several lines.
fn lines(text: &str) -> String {
    text.lines().map(str::trim).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn doc_lines_join_within_paragraphs() {
        let item: syn::ItemStruct = parse_quote! {
            /// The message,
            /// as it is.
            ///
            /// Any text.
            #[other]
            struct Input;
        };
        assert_eq!(description(&item.attrs).as_deref(), Some("The message, as it is.\n\nAny text."));
        assert_eq!(description(&[parse_quote!(#[doc(hidden)])]), None);
    }
}
