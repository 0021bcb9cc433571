//! What stands before each object: its kind, its size and, of a delta, its base.

use super::Error;
use crate::id::LENGTH;
use crate::{Kind, ObjectId};

/// What an entry begins with.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) form: Form,
    /// How long what follows is, inflated.
    pub(super) size: u64,
}

/// How an object is sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As it is.
    Whole(Kind),
    /// As what changes in the object whose entry begins so many bytes before this one.
    Before(u64),
    /// As what changes in the object of this name.
    Named(ObjectId),
}

/// What an entry's data is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// An object of this kind.
    Whole(Kind),
    /// A delta of what begins there.
    At(usize),
    /// A delta of what has this name.
    Named(ObjectId),
}

impl Form {
    /// The same where the entry is.
    pub(super) fn with(self, offset: usize) -> Result<Body, Error> {
        Ok(match self {
            Self::Whole(kind) => Body::Whole(kind),
            Self::Named(id) => Body::Named(id),
            Self::Before(distance) => {
                let distance = usize::try_from(distance).map_err(|_| Error::Base)?;
                // One that is its own base is no delta.
                let base = offset.checked_sub(distance).filter(|base| *base != offset);
                Body::At(base.ok_or(Error::Base)?)
            }
        })
    }
}

/// Reads a header, and says what follows it.
pub(super) fn header(bytes: &[u8]) -> Result<(Header, &[u8]), Error> {
    let (first, rest) = bytes.split_first().ok_or(Error::Cut)?;
    let low = u64::from(first & 0x0f);
    let (size, rest) = if first & 0x80 == 0 { (low, rest) } else { little_endian(rest, low, 4)? };
    let (form, rest) = match (first >> 4) & 7 {
        1 => (Form::Whole(Kind::Commit), rest),
        2 => (Form::Whole(Kind::Tree), rest),
        3 => (Form::Whole(Kind::Blob), rest),
        4 => (Form::Whole(Kind::Tag), rest),
        6 => {
            let (distance, rest) = distance(rest)?;
            (Form::Before(distance), rest)
        }
        7 => {
            let (id, rest) = rest.split_first_chunk::<LENGTH>().ok_or(Error::Cut)?;
            (Form::Named(ObjectId::from_bytes(*id)), rest)
        }
        _ => return Err(Error::Entry),
    };
    Ok((Header { form, size }, rest))
}

/// A number in groups of seven bits, the lowest first, above so many bits that are there already.
pub(super) fn little_endian(bytes: &[u8], low: u64, bits: u32) -> Result<(u64, &[u8]), Error> {
    let (mut value, mut shift, mut rest) = (low, bits, bytes);
    loop {
        let (byte, after) = rest.split_first().ok_or(Error::Cut)?;
        let group = u64::from(byte & 0x7f);
        let shifted = group.checked_shl(shift).filter(|shifted| shifted >> shift == group).ok_or(Error::Entry)?;
        value |= shifted;
        if byte & 0x80 == 0 {
            return Ok((value, after));
        }
        (shift, rest) = (shift + 7, after);
    }
}

/// A number in groups of seven bits, the highest first, of which each but the last counts one more: no number can be written twice.
fn distance(bytes: &[u8]) -> Result<(u64, &[u8]), Error> {
    let (mut value, mut rest) = (0u64, bytes);
    loop {
        let (byte, after) = rest.split_first().ok_or(Error::Cut)?;
        value |= u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Ok((value, after));
        }
        value = value.checked_add(1).and_then(|value| value.checked_mul(0x80)).ok_or(Error::Entry)?;
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{distance_of, header_of, little_endian_of};

    proptest! {
        #[test]
        fn numbers_are_read_as_they_are_written(number: u64, after: u8) {
            let mut written = little_endian_of(number);
            written.push(after);
            prop_assert_eq!(little_endian(&written, 0, 0), Ok((number, &[after][..])));
            let number = number >> 1;
            let mut written = distance_of(number);
            written.push(after);
            prop_assert_eq!(distance(&written), Ok((number, &[after][..])));
        }

        #[test]
        fn headers_are_read_as_they_are_written(size: u64) {
            let size = size >> 4;
            let written = header_of(3, size);
            prop_assert_eq!(header(&written), Ok((Header { form: Form::Whole(Kind::Blob), size }, &[][..])));
        }

        #[test]
        fn no_bytes_break_it(bytes: Vec<u8>) {
            let _ = header(&bytes);
            let _ = distance(&bytes);
            let _ = little_endian(&bytes, 0, 0);
        }
    }

    #[test]
    fn what_is_cut_or_has_no_end_is_told() {
        for cut in [&b""[..], b"\xb0", b"\xb0\x80", b"\x60", b"\x60\x80", b"\x70", &[0x70; 20]] {
            assert_eq!(header(cut), Err(Error::Cut), "{cut:?}");
        }
        for kind in [0x00, 0x50] {
            assert_eq!(header(&[kind]), Err(Error::Entry), "{kind}");
        }
        assert_eq!(header(&[0xff; 12]), Err(Error::Entry));
        let endless = [&[0x60][..], &[0xff; 12]].concat();
        assert_eq!(header(&endless), Err(Error::Entry));
    }

    #[test]
    fn a_base_is_before_its_delta() {
        assert_eq!(Form::Before(3).with(7), Ok(Body::At(4)));
        for distance in [0, 8, u64::MAX] {
            assert_eq!(Form::Before(distance).with(7), Err(Error::Base), "{distance}");
        }
    }
}
