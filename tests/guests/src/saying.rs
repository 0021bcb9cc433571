//! Saying something to people: where, in which form, and in how many pieces. Of a value it is a leak; of any other text
//! of the same shape it is none.

use std::io::{Write, stderr, stdout};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use far_skill::{Schema, task};
use serde::Deserialize;

#[derive(Deserialize, Schema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Place {
    Log,
    Print,
    Eprint,
    Fail,
    Panic,
}

#[derive(Deserialize, Default, Schema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Form {
    #[default]
    Raw,
    Hex,
    Base64,
    Base64url,
    Percent,
    Json,
}

impl Form {
    fn of(&self, bytes: &[u8]) -> String {
        match self {
            Self::Raw => String::from_utf8_lossy(bytes).into_owned(),
            Self::Hex => hex::encode(bytes),
            Self::Base64 => STANDARD.encode(bytes),
            Self::Base64url => URL_SAFE.encode(bytes),
            Self::Percent => bytes.iter().map(|byte| format!("%{byte:02X}")).collect(),
            Self::Json => String::from_utf8_lossy(bytes).encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect(),
        }
    }
}

/// Says the bytes between `<` and `>`, each piece in a call of its own.
pub(crate) fn say(bytes: &[u8], place: &Place, form: &Form, pieces: usize) -> Result<(), far_skill::Error> {
    let text = format!("<{}>", form.of(bytes));
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
        }
    }
    Ok(())
}

/// Writes it now: what is buffered would be one call in the end.
fn written(text: &str, stream: &mut dyn Write) {
    stream.write_all(text.as_bytes()).and_then(|()| stream.flush()).unwrap();
}
