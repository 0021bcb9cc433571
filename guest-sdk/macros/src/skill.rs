//! The attribute macro: exports a function as the component's `run` and embeds the declaration.

use std::path::Path;

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{FnArg, Ident, ItemFn, LitStr, ReturnType, Signature, Token, Type};

use crate::declaration::Declaration;

const USAGE: &str = "write `#[skill]`, or `#[skill(declaration = \"file.json\")]` for another file than `skill.json`";
const FORM: &str = "a skill is `fn(Input) -> Result<Output, far_skill::Error>`";

/// Expands `#[skill]`. The output includes the function even after an error, so that the compiler
/// reports its other errors too.
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
        DeclarationSource::File(path) => embedded(&Declaration::read(path.as_ref(), package)?, input),
        DeclarationSource::None => TokenStream::new(),
    };
    Ok(quote! { #exported #embedded })
}

/// The source of the skill's declaration.
enum DeclarationSource {
    /// The named file, or `skill.json`.
    File(Option<LitStr>),
    /// No declaration, for tests of the host.
    None,
}

impl Parse for DeclarationSource {
    fn parse(arguments: ParseStream<'_>) -> syn::Result<Self> {
        if arguments.is_empty() {
            return Ok(Self::File(None));
        }
        let usage = |error: syn::Error| syn::Error::new(error.span(), USAGE);
        let name: Ident = arguments.parse().map_err(usage)?;
        let declared = match name.to_string().as_str() {
            "no_declaration" => Self::None,
            "declaration" => {
                arguments.parse::<Token![=]>().map_err(usage)?;
                Self::File(Some(arguments.parse().map_err(usage)?))
            }
            _ => return Err(syn::Error::new(name.span(), format!("unknown argument `{name}`: {USAGE}"))),
        };
        if !arguments.is_empty() {
            arguments.parse::<Token![,]>().map_err(usage)?;
        }
        match arguments.is_empty() {
            true => Ok(declared),
            false => Err(arguments.error(format!("more than one argument: {USAGE}"))),
        }
    }
}

/// Returns the input's type, or an error if the function does not have a skill's signature.
fn input(signature: &Signature) -> syn::Result<&Type> {
    let invalid = |at: &dyn quote::ToTokens, what: &str| syn::Error::new_spanned(at, format!("{what}: {FORM}"));
    if let Some(asyncness) = &signature.asyncness {
        return Err(invalid(asyncness, "a skill cannot be `async`; calls to the host block"));
    }
    if let Some(abi) = &signature.abi {
        return Err(invalid(abi, "a skill cannot have an ABI"));
    }
    if signature.generics.lt_token.is_some() || signature.generics.where_clause.is_some() {
        return Err(invalid(&signature.generics, "a skill cannot have generic parameters"));
    }
    if let ReturnType::Default = signature.output {
        return Err(invalid(&signature.ident, "a skill must return an output"));
    }
    match signature.inputs.iter().collect::<Vec<_>>().as_slice() {
        [FnArg::Typed(input)] => match &*input.ty {
            Type::ImplTrait(_) => Err(invalid(&input.ty, "a skill cannot have generic parameters")),
            input => Ok(input),
        },
        [] => Err(invalid(&signature.ident, "a skill must take an input; use `()` if it needs none")),
        [.., FnArg::Receiver(receiver)] | [FnArg::Receiver(receiver), ..] => {
            Err(invalid(receiver, "a skill cannot be a method"))
        }
        [_, second, ..] => Err(invalid(second, "a skill takes one input; combine the parameters into a struct")),
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

        // Off WebAssembly the function is not called, but this type-checks it and marks it as used.
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
                "the declaration with the input's schema exceeds the host's limit of 64 KiB: \
                 shorten its descriptions, or write a simpler `input-schema` in it",
            );

            // Other targets' object formats have different rules for section names.
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
        skill(arguments, item, package()).expect_err("an invalid use").to_string()
    }

    fn good() -> TokenStream {
        quote!(
            fn stamp(input: Input) -> Result<Output, Error> {
                body
            }
        )
    }

    #[test]
    fn unsupported_signature_reports_reason() {
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
                "a skill cannot be `async`; calls to the host block",
            ),
            (
                quote!(
                    extern "C" fn f(i: I) -> Result<O, E> {}
                ),
                "a skill cannot have an ABI",
            ),
            (
                quote!(
                    fn f<I>(i: I) -> Result<O, E> {}
                ),
                "a skill cannot have generic parameters",
            ),
            (
                quote!(
                    fn f(i: impl Sized) -> Result<O, E> {}
                ),
                "a skill cannot have generic parameters",
            ),
            (
                quote!(
                    fn f(i: I) {}
                ),
                "a skill must return an output",
            ),
            (
                quote!(
                    fn f() -> Result<O, E> {}
                ),
                "a skill must take an input; use `()` if it needs none",
            ),
            (
                quote!(
                    fn f(a: A, b: B) -> Result<O, E> {}
                ),
                "a skill takes one input; combine the parameters into a struct",
            ),
            (
                quote!(
                    fn f(&self) -> Result<O, E> {}
                ),
                "a skill cannot be a method",
            ),
            (
                quote!(
                    fn f(self, i: I) -> Result<O, E> {}
                ),
                "a skill cannot be a method",
            ),
        ];
        for (item, expected) in cases {
            assert_eq!(problem(TokenStream::new(), &item), format!("{expected}: {FORM}"));
        }
    }

    #[test]
    fn invalid_arguments_report_usage() {
        assert_eq!(problem(quote!(run = stamp), &good()), format!("unknown argument `run`: {USAGE}"));
        assert_eq!(problem(quote!("skill.json"), &good()), USAGE);
        assert_eq!(problem(quote!(declaration), &good()), USAGE);
        assert_eq!(problem(quote!(declaration = skill), &good()), USAGE);
        assert_eq!(
            problem(quote!(declaration = "a.json", declaration = "b.json"), &good()),
            format!("more than one argument: {USAGE}")
        );
    }

    #[test]
    fn invalid_declaration_file_is_rejected() {
        assert_eq!(
            problem(quote!(declaration = "Cargo.toml"), &good()),
            "`Cargo.toml` is not a valid declaration: expected value at line 1 column 2"
        );
    }

    #[test]
    fn expansion_keeps_function_after_error() {
        let expanded = expand(quote!(run), &good(), package()).to_string();
        assert!(expanded.starts_with(&good().to_string()), "{expanded}");
        assert!(expanded.contains("compile_error"), "{expanded}");
    }

    #[test]
    fn written_schema_replaces_derived_schema() {
        let with = |arguments| skill(arguments, &good(), package()).unwrap().to_string();
        assert!(with(TokenStream::new()).contains("< Input as :: far_skill :: Schema > :: SCHEMA"));
        assert!(!with(quote!(no_declaration)).contains("Schema"));
        let written = with(quote!(declaration = "../skills-examples/aws-presign/skill.json"));
        assert!(!written.contains("Schema"), "{written}");
    }
}
