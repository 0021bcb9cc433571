//! Enums of documented tokens.

/// Defines an enum of fixed tokens. Each variant has its token and its meaning: the doc comment.
///
/// ```
/// far_capability::tokens! {
///     /// The state of a lamp.
///     #[derive(Clone, Copy, Debug)]
///     pub enum Lamp as_str {
///         /// The lamp gives light.
///         On = "on",
///     }
/// }
///
/// assert_eq!(Lamp::ALL.len(), 1);
/// assert_eq!((Lamp::On.as_str(), Lamp::On.meaning()), ("on", "The lamp gives light."));
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! tokens {
    (
        $(#[$attribute:meta])*
        $vis:vis enum $Enum:ident $token:ident {
            $($(#[doc = $doc:literal])+ $Variant:ident = $text:literal,)+
        }
    ) => {
        $(#[$attribute])*
        $vis enum $Enum {
            $($(#[doc = $doc])+ $Variant,)+
        }

        impl $Enum {
            /// All variants.
            $vis const ALL: &'static [Self] = &[$(Self::$Variant),+];

            /// Returns the token in records and reports.
            $vis const fn $token(self) -> &'static str {
                match self {
                    $(Self::$Variant => $text,)+
                }
            }

            /// Returns the meaning: one or two sentences for people.
            $vis const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$Variant => concat!($($doc),+).trim_ascii(),)+
                }
            }
        }
    };
}
