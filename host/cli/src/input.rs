//! Files and input that the command line names.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use far_runtime::COMPONENT_MAX;
use serde::de::IgnoredAny;

use crate::failure::Failure;

/// The skill's bytes. One more than the host takes are read, so that the host sees that it is too large.
pub(crate) fn component(path: &Path) -> Result<Vec<u8>, Failure> {
    let failure = |source| Failure::Read { what: "the skill", path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let limit = COMPONENT_MAX as u64 + 1;
    File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)).map_err(failure)?;
    Ok(bytes)
}

/// The input as `--input` gives it: JSON, `@FILE`, or `@-`.
pub(crate) fn input(argument: Option<&str>, limit: usize) -> Result<Vec<u8>, Failure> {
    let bytes = match argument {
        None => b"{}".to_vec(),
        Some("@-") => read(io::stdin(), "the input", Path::new("-"), limit)?,
        Some(argument) => match argument.strip_prefix('@') {
            None => argument.as_bytes().to_vec(),
            Some(path) => {
                let path = Path::new(path);
                let failure = |source| Failure::Read { what: "the input", path: path.to_owned(), source };
                read(File::open(path).map_err(failure)?, "the input", path, limit)?
            }
        },
    };
    serde_json::from_slice::<IgnoredAny>(&bytes).map_err(Failure::Input)?;
    Ok(bytes)
}

fn read(reader: impl Read, what: &'static str, path: &Path, limit: usize) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let failure = |source| Failure::Read { what, path: path.to_owned(), source };
    reader.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(failure)?;
    if bytes.len() > limit { Err(Failure::InputTooLarge { limit }) } else { Ok(bytes) }
}
