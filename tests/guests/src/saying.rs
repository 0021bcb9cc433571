//! Saying something to people: where, in which form, and in how many pieces. Of a value it is a leak; of any other text
//! of the same shape it is none.

use std::io::{Write, stderr, stdout};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use far_skill::{Schema, task};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize, Schema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Place {
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
    /// Every byte.
    Percent,
    /// All but letters and digits, and a space as `+`.
    Query,
    Json,
    /// The first 64 bytes.
    Beginning,
    /// All but the first byte.
    Rest,
    Base64OfHex,
    /// Of 76 characters each, as in MIME.
    Base64Lines,
    Spaced,
    Reversed,
    Xored,
}

impl Form {
    fn of(&self, bytes: &[u8]) -> String {
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
            // Readable, so that it passes as text: ASCII stays ASCII.
            Self::Xored => bytes.iter().map(|byte| char::from(byte ^ 1)).collect(),
            Self::Json => String::from_utf8_lossy(bytes).encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect(),
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Says the bytes between `<` and `>`, with so many others before them in what is encoded, each piece in a call of its own.
/// Answers with what belongs into the output.
pub(crate) fn say(
    bytes: &[u8],
    place: &Place,
    form: &Form,
    offset: usize,
    pieces: usize,
) -> Result<Value, far_skill::Error> {
    let encoded = form.of(&[&vec![b':'; offset], bytes].concat());
    let text = format!("<{encoded}>");
    let mut rest = text.as_str();
    for left in (1..=pieces).rev() {
        let (piece, more) = rest.split_at(rest.len() / left);
        rest = more;
        match place {
            Place::Log => task::log(task::Level::Info, piece),
            Place::Print => written(piece, &mut stdout()),
            Place::Eprint => written(piece, &mut stderr()),
            Place::Fail => return Err(far_skill::Error::new(piece)),
            Place::Panic => panic!("{piece}"),
            Place::Answer => return Ok(json!({ "said": piece })),
        }
    }
    Ok(json!({}))
}

/// Writes it now: what is buffered would be one call in the end.
fn written(text: &str, stream: &mut dyn Write) {
    stream.write_all(text.as_bytes()).and_then(|()| stream.flush()).unwrap();
}
