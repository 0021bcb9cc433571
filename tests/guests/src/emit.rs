//! Writes a string to an output: in a form, and in a number of calls. With a secret's value this is
//! a leak; with another string of the same shape it is not.

use std::io::{Write, stderr, stdout};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use far_skill::{Schema, task};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize, Schema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Channel {
    Log,
    Print,
    Eprint,
    Fail,
    Panic,
    Answer,
}

#[derive(Deserialize, Default, Schema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Form {
    #[default]
    Raw,
    Hex,
    HexUpper,
    HexMixed,
    Base64,
    Base64url,
    /// Each byte.
    Percent,
    /// All bytes but letters and digits, with a space as `+`.
    Query,
    Json,
    /// The first 64 bytes.
    Beginning,
    /// All but the first byte.
    Rest,
    Base64OfHex,
    /// Lines of 76 characters, as in MIME.
    Base64Lines,
    Spaced,
    Reversed,
    Xored,
}

impl Form {
    fn encode(&self, bytes: &[u8]) -> String {
        match self {
            Self::Raw => text(bytes),
            Self::Hex => hex::encode(bytes),
            Self::HexUpper => hex::encode_upper(bytes),
            Self::HexMixed => bytes
                .iter()
                .flat_map(|byte| format!("{:X}{:x}", byte >> 4, byte & 0xf).into_bytes())
                .map(char::from)
                .collect(),
            Self::Base64 => STANDARD.encode(bytes),
            Self::Base64url => URL_SAFE.encode(bytes),
            Self::Percent => bytes.iter().map(|byte| format!("%{byte:02X}")).collect(),
            Self::Query => bytes
                .iter()
                .map(|byte| match byte {
                    b' ' => "+".to_owned(),
                    byte if byte.is_ascii_alphanumeric() => char::from(*byte).to_string(),
                    byte => format!("%{byte:02x}"),
                })
                .collect(),
            Self::Beginning => text(&bytes[..bytes.len().min(64)]),
            Self::Rest => text(&bytes[1..]),
            Self::Base64OfHex => STANDARD.encode(hex::encode(bytes)),
            Self::Base64Lines => {
                let lines: Vec<_> = STANDARD.encode(bytes).into_bytes().chunks(76).map(text).collect();
                lines.join("\r\n")
            }
            Self::Spaced => String::from_utf8_lossy(bytes).chars().flat_map(|letter| [letter, ' ']).collect(),
            Self::Reversed => String::from_utf8_lossy(bytes).chars().rev().collect(),
            // Keeps ASCII printable.
            Self::Xored => bytes.iter().map(|byte| char::from(byte ^ 1)).collect(),
            Self::Json => String::from_utf8_lossy(bytes).encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect(),
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Emits the bytes between `<` and `>`, after `offset` other bytes in the encoding, in `pieces`
/// calls. Returns the value for the output.
pub(crate) fn emit(
    bytes: &[u8],
    channel: &Channel,
    form: &Form,
    offset: usize,
    pieces: usize,
) -> Result<Value, far_skill::Error> {
    let encoded = form.encode(&[&vec![b':'; offset], bytes].concat());
    let text = format!("<{encoded}>");
    let mut rest = text.as_str();
    for left in (1..=pieces).rev() {
        let (piece, more) = rest.split_at(rest.len() / left);
        rest = more;
        match channel {
            Channel::Log => task::log(task::Level::Info, piece),
            Channel::Print => write_now(piece, &mut stdout()),
            Channel::Eprint => write_now(piece, &mut stderr()),
            Channel::Fail => return Err(far_skill::Error::new(piece)),
            Channel::Panic => panic!("{piece}"),
            Channel::Answer => return Ok(json!({ "said": piece })),
        }
    }
    Ok(json!({}))
}

/// Flushes, because buffered writes would be one call.
fn write_now(text: &str, stream: &mut dyn Write) {
    stream.write_all(text.as_bytes()).and_then(|()| stream.flush()).unwrap();
}
