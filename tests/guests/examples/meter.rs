//! Gets a secret a number of times, with or without its bytes, to measure the cost of a call within
//! one task.

#![forbid(unsafe_code)]

use far_skill::{Schema, reveal, secrets};
use serde::{Deserialize, Serialize};

#[derive(Deserialize, Schema)]
#[serde(deny_unknown_fields)]
struct Input {
    times: u32,
    reveal: bool,
}

/// The amount of work done, which the benchmark checks.
#[derive(Serialize)]
struct Output {
    got: u32,
    bytes: usize,
}

#[far_skill::skill(declaration = "examples/meter.json")]
fn run(input: Input) -> Result<Output, far_skill::Error> {
    let mut output = Output { got: 0, bytes: 0 };
    for _ in 0..input.times {
        let secret = secrets::get("token")?;
        output.got += 1;
        if input.reveal {
            output.bytes += reveal::reveal(&secret)?.expose().len();
        }
    }
    Ok(output)
}
