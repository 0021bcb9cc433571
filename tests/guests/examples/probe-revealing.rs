//! Does what a test tells it, and can take the bytes of a secret.

#![forbid(unsafe_code)]

use guests::{Revealing, run};

far_skill::skill!(run = run::<Revealing>, declaration = "examples/probe-revealing.json");
