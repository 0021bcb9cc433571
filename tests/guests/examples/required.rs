//! Requires the two secrets that it declares.

#![forbid(unsafe_code)]

use serde::de::IgnoredAny;

#[far_skill::skill(declaration = "examples/required.json")]
fn run(input: IgnoredAny) -> Result<&'static str, far_skill::Error> {
    guests::get_both(input)
}
