//! Does what a test tells it, and sees no bytes of a secret.

#![forbid(unsafe_code)]

use guests::{HandlesOnly, run};

far_skill::skill!(run = run::<HandlesOnly>, declaration = "examples/probe.json");
