//! The attribute: from a function to the component's one export, with the declaration beside it.

use std::path::Path;

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{FnArg, Ident, ItemFn, LitStr, ReturnType, Signature, Token, Type};

use crate::declaration::Declaration;

const USAGE: &str = "write `#[skill]`, or `#[skill(declaration = \"file.json\")]` for another file than `skill.json`";
const FORM: &str = "a skill is `fn(Input) -> Result<Output, far_skill::Error>`";

/// Expands `#[skill]`. The function stays in any case, so that what else is wrong with it is told too.
pub(crate) fn expand(arguments: TokenStream, item: &TokenStream, package: &Path) -> TokenStream {
    let skill = skill(arguments, item, package).unwrap_or_else(syn::Error::into_compile_error);
    quote! { #item #skill }
}

fn skill(arguments: TokenStream, item: &TokenStream, package: &Path) -> syn::Result<TokenStream> {
    let function: ItemFn = syn::parse2(item.clone())
        .map_err(|_| syn::Error::new_spanned(item, format!("only a function can be the skill: {FORM}")))?;
    let input = input(&function.sig)?;
    let exported = exported(&function.sig.ident);
    let embedded = match syn::parse2(arguments)? {
        Declared::In(path) => embedded(&Declaration::read(path.as_ref(), package)?, input),
        Declared::Nowhere => TokenStream::new(),
    };
    Ok(quote! { #exported #embedded })
}

/// Where the skill's declaration is.
enum Declared {
    In(Option<LitStr>),
    /// For tests of components that have none.
    Nowhere,
}

impl Parse for Declared {
    fn parse(arguments: ParseStream<'_>) -> syn::Result<Self> {
        if arguments.is_empty() {
            return Ok(Self::In(None));
        }
        let wrong = |error: syn::Error| syn::Error::new(error.span(), USAGE);
        let name: Ident = arguments.parse().map_err(wrong)?;
        let declared = match name.to_string().as_str() {
            "no_declaration" => Self::Nowhere,
            "declaration" => {
                arguments.parse::<Token![=]>().map_err(wrong)?;
                Self::In(Some(arguments.parse().map_err(wrong)?))
            }
            _ => return Err(syn::Error::new(name.span(), format!("unknown argument `{name}`: {USAGE}"))),
        };
        if !arguments.is_empty() {
            arguments.parse::<Token![,]>().map_err(wrong)?;
        }
        match arguments.is_empty() {
            true => Ok(declared),
            false => Err(arguments.error(format!("one argument at most: {USAGE}"))),
        }
    }
}

/// The type of the input, if a function has the form of a skill.
fn input(signature: &Signature) -> syn::Result<&Type> {
    let wrong = |at: &dyn quote::ToTokens, what: &str| syn::Error::new_spanned(at, format!("{what}: {FORM}"));
    if let Some(asyncness) = &signature.asyncness {
        return Err(wrong(asyncness, "a skill is not `async`, and its calls of the host wait"));
    }
    if let Some(abi) = &signature.abi {
        return Err(wrong(abi, "a skill is an ordinary function, without an ABI"));
    }
    if signature.generics.lt_token.is_some() || signature.generics.where_clause.is_some() {
        return Err(wrong(&signature.generics, "a skill has no generic parameters: its input is of one type"));
    }
    if let ReturnType::Default = signature.output {
        return Err(wrong(&signature.ident, "a skill has an output"));
    }
    match signature.inputs.iter().collect::<Vec<_>>().as_slice() {
        [FnArg::Typed(input)] => match &*input.ty {
            Type::ImplTrait(_) => Err(wrong(&input.ty, "a skill has no generic parameters: its input is of one type")),
            input => Ok(input),
        },
        [] => Err(wrong(&signature.ident, "a skill has an input; take `()` where it needs none")),
        [.., FnArg::Receiver(receiver)] | [FnArg::Receiver(receiver), ..] => {
            Err(wrong(receiver, "a skill is a function of its own, not a method"))
        }
        [_, second, ..] => Err(wrong(second, "a skill has one input; make it a struct of all that it needs")),
    }
}

fn exported(run: &Ident) -> TokenStream {
    quote! {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Skill;

            impl ::far_skill::bindings::Guest for Skill {
                fn run(
                    input: ::std::vec::Vec<u8>,
                ) -> ::core::result::Result<::std::vec::Vec<u8>, ::std::string::String> {
                    ::far_skill::call(#run, &input)
                }
            }

            ::far_skill::bindings::__export_run! { Skill with_types_in ::far_skill::bindings }
        };

        // Where nobody can call it, it is still checked, and counts as used.
        #[cfg(not(target_arch = "wasm32"))]
        const _: fn(&[u8]) -> ::core::result::Result<::std::vec::Vec<u8>, ::std::string::String> =
            |input| ::far_skill::call(#run, input);
    }
}

fn embedded(declaration: &Declaration, input: &Type) -> TokenStream {
    let schema = quote_spanned!(input.span()=> <#input as ::far_skill::Schema>::SCHEMA);
    let pieces = declaration.pieces(&schema);
    let watched = declaration.watched();
    quote! {
        const _: () = {
            #watched
            const PIECES: &[::far_skill::schema::Piece] = #pieces;
            const LEN: usize = ::far_skill::schema::len(PIECES);
            ::core::assert!(
                LEN <= 64 * 1024,
                "the declaration, with the schema of the input, has more than the 64 KiB that the host takes: \
                 shorten its texts, or write a simpler `input-schema` there",
            );

            // Only here: other targets' object formats have their own rules for the names of sections.
            #[cfg(target_arch = "wasm32")]
            #[used]
            #[unsafe(link_section = "tinkerbell:skill")]
            static SECTION: [u8; LEN] = ::far_skill::schema::render(PIECES);
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declaration::tests::package;

    fn problem(arguments: TokenStream, item: &TokenStream) -> String {
        skill(arguments, item, package()).expect_err("a wrong use").to_string()
    }

    fn good() -> TokenStream {
        quote!(
            fn stamp(input: Input) -> Result<Output, Error> {
                body
            }
        )
    }

    #[test]
    fn a_function_of_another_form_is_told_which() {
        let cases = [
            (
                quote!(
                    struct Skill;
                ),
                "only a function can be the skill",
            ),
            (
                quote!(
                    async fn f(i: I) -> Result<O, E> {}
                ),
                "a skill is not `async`, and its calls of the host wait",
            ),
            (
                quote!(
                    extern "C" fn f(i: I) -> Result<O, E> {}
                ),
                "a skill is an ordinary function, without an ABI",
            ),
            (
                quote!(
                    fn f<I>(i: I) -> Result<O, E> {}
                ),
                "a skill has no generic parameters: its input is of one type",
            ),
            (
                quote!(
                    fn f(i: impl Sized) -> Result<O, E> {}
                ),
                "a skill has no generic parameters: its input is of one type",
            ),
            (
                quote!(
                    fn f(i: I) {}
                ),
                "a skill has an output",
            ),
            (
                quote!(
                    fn f() -> Result<O, E> {}
                ),
                "a skill has an input; take `()` where it needs none",
            ),
            (
                quote!(
                    fn f(a: A, b: B) -> Result<O, E> {}
                ),
                "a skill has one input; make it a struct of all that it needs",
            ),
            (
                quote!(
                    fn f(&self) -> Result<O, E> {}
                ),
                "a skill is a function of its own, not a method",
            ),
            (
                quote!(
                    fn f(self, i: I) -> Result<O, E> {}
                ),
                "a skill is a function of its own, not a method",
            ),
        ];
        for (item, expected) in cases {
            assert_eq!(problem(TokenStream::new(), &item), format!("{expected}: {FORM}"));
        }
    }

    #[test]
    fn wrong_arguments_are_told_the_right_ones() {
        assert_eq!(problem(quote!(run = stamp), &good()), format!("unknown argument `run`: {USAGE}"));
        assert_eq!(problem(quote!("skill.json"), &good()), USAGE);
        assert_eq!(problem(quote!(declaration), &good()), USAGE);
        assert_eq!(problem(quote!(declaration = skill), &good()), USAGE);
        assert_eq!(
            problem(quote!(declaration = "a.json", declaration = "b.json"), &good()),
            format!("one argument at most: {USAGE}")
        );
    }

    #[test]
    fn a_declaration_that_is_none_is_told() {
        assert_eq!(
            problem(quote!(declaration = "Cargo.toml"), &good()),
            "`Cargo.toml` is not a declaration: expected value at line 1 column 2"
        );
    }

    #[test]
    fn the_function_stays_when_something_is_wrong() {
        let expanded = expand(quote!(run), &good(), package()).to_string();
        assert!(expanded.starts_with(&good().to_string()), "{expanded}");
        assert!(expanded.contains("compile_error"), "{expanded}");
    }

    #[test]
    fn the_schema_is_the_input_s_unless_it_is_written() {
        let with = |arguments| skill(arguments, &good(), package()).unwrap().to_string();
        assert!(with(TokenStream::new()).contains("< Input as :: far_skill :: Schema > :: SCHEMA"));
        assert!(!with(quote!(no_declaration)).contains("Schema"));
        let written = with(quote!(declaration = "../skills-examples/aws-presign/skill.json"));
        assert!(!written.contains("Schema"), "{written}");
    }
}
