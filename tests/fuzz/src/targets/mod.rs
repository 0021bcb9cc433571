//! The targets, by name.

mod answers;
mod audit;
mod claims;
mod component_shapes;
mod declaration;
mod destinations;
mod dotenv;
#[cfg(feature = "host")]
mod far_toml;
mod grants;
mod lenient;
mod names;
#[cfg(feature = "host")]
mod placeholders;
mod redaction;
#[cfg(feature = "host")]
mod responses;
#[cfg(feature = "host")]
mod task_files;

pub use self::answers::answers;
pub use self::audit::audit;
pub use self::claims::claims;
pub use self::component_shapes::{check_bounds, component_shapes};
pub use self::declaration::declaration;
pub use self::destinations::destinations;
pub use self::dotenv::dotenv;
#[cfg(feature = "host")]
pub use self::far_toml::far_toml;
pub use self::grants::grants;
pub use self::names::names;
#[cfg(feature = "host")]
pub use self::placeholders::placeholders;
pub use self::redaction::redaction;
#[cfg(feature = "host")]
pub use self::responses::responses;
#[cfg(feature = "host")]
pub use self::task_files::task_files;

/// A fuzz target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name of the function, of the libFuzzer binary, and of the corpus folder.
    pub name: &'static str,
    /// Checks one input; panics when a property is violated.
    pub run: fn(&[u8]),
    /// Tokens of the parser, for the mutator.
    pub tokens: &'static [&'static str],
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target { name: "names", run: names, tokens: names::TOKENS },
    Target { name: "grants", run: grants, tokens: grants::TOKENS },
    Target { name: "destinations", run: destinations, tokens: destinations::TOKENS },
    Target { name: "dotenv", run: dotenv, tokens: dotenv::TOKENS },
    #[cfg(feature = "host")]
    Target { name: "far_toml", run: far_toml, tokens: far_toml::TOKENS },
    #[cfg(feature = "host")]
    Target { name: "task_files", run: task_files, tokens: task_files::TOKENS },
    Target { name: "declaration", run: declaration, tokens: declaration::TOKENS },
    Target { name: "audit", run: audit, tokens: audit::TOKENS },
    #[cfg(feature = "host")]
    Target { name: "placeholders", run: placeholders, tokens: placeholders::TOKENS },
    Target { name: "redaction", run: redaction, tokens: redaction::TOKENS },
    Target { name: "answers", run: answers, tokens: answers::TOKENS },
    Target { name: "claims", run: claims, tokens: claims::TOKENS },
    #[cfg(feature = "host")]
    Target { name: "responses", run: responses, tokens: responses::TOKENS },
    Target { name: "component_shapes", run: component_shapes, tokens: &[] },
];
