//! Files and input that the command line names.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use far_runtime::COMPONENT_MAX;
use serde::de::IgnoredAny;

use crate::failure::Failure;

/// The skill's bytes. One more than the host takes are read, so that the host sees that it is too large.
pub(crate) fn component(path: &Path) -> Result<Vec<u8>, Failure> {
    begin(path, "the skill", COMPONENT_MAX)
}

/// A file's bytes, and one more than the limit at most, so that it is seen that there are too many.
pub(crate) fn begin(path: &Path, what: &'static str, limit: usize) -> Result<Vec<u8>, Failure> {
    let failure = |source| Failure::Read { what, path: path.to_owned(), source };
    first(File::open(path).map_err(failure)?, limit).map_err(failure)
}

fn first(reader: impl Read, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The input as `--input` gives it: JSON, `@FILE`, or `@-`.
pub(crate) fn input(argument: Option<&str>, limit: usize) -> Result<Vec<u8>, Failure> {
    let bytes = match argument {
        None => b"{}".to_vec(),
        Some("@-") => {
            let failure = |source| Failure::Read { what: "the input", path: "-".into(), source };
            within(first(io::stdin(), limit).map_err(failure)?, limit)?
        }
        Some(argument) => match argument.strip_prefix('@') {
            None => argument.as_bytes().to_vec(),
            Some(path) => within(begin(Path::new(path), "the input", limit)?, limit)?,
        },
    };
    serde_json::from_slice::<IgnoredAny>(&bytes).map_err(Failure::Input)?;
    Ok(bytes)
}

fn within(bytes: Vec<u8>, limit: usize) -> Result<Vec<u8>, Failure> {
    if bytes.len() > limit { Err(Failure::InputTooLarge { limit }) } else { Ok(bytes) }
}
