//! The header of an object in a pack: its kind, its size and, for a delta, its base.

use super::Error;
use crate::id::LENGTH;
use crate::{Kind, ObjectId};

/// The header of an entry.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) form: Form,
    /// The inflated size of the data.
    pub(super) size: u64,
}

/// The encoding of an object.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A complete object.
    Whole(Kind),
    /// A delta of the object whose entry begins this many bytes earlier.
    OffsetDelta(u64),
    /// A delta of the object with this id.
    RefDelta(ObjectId),
}

/// The content of an entry.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// An object of this kind.
    Whole(Kind),
    /// A delta of the entry at this offset.
    OffsetDelta(usize),
    /// A delta of the object with this id.
    RefDelta(ObjectId),
}

impl Form {
    /// Resolves the base's position for an entry at `offset`.
    pub(super) fn resolve(self, offset: usize) -> Result<Body, Error> {
        Ok(match self {
            Self::Whole(kind) => Body::Whole(kind),
            Self::RefDelta(id) => Body::RefDelta(id),
            Self::OffsetDelta(distance) => {
                let distance = usize::try_from(distance).map_err(|_| Error::Base)?;
                // An entry cannot be its own base.
                let base = offset.checked_sub(distance).filter(|base| *base != offset);
                Body::OffsetDelta(base.ok_or(Error::Base)?)
            }
        })
    }
}

/// Reads a header and returns the rest.
pub(super) fn header(bytes: &[u8]) -> Result<(Header, &[u8]), Error> {
    let (first, rest) = bytes.split_first().ok_or(Error::Truncated)?;
    let low = u64::from(first & 0x0f);
    let (size, rest) = if first & 0x80 == 0 { (low, rest) } else { little_endian(rest, low, 4)? };
    let (form, rest) = match (first >> 4) & 7 {
        1 => (Form::Whole(Kind::Commit), rest),
        2 => (Form::Whole(Kind::Tree), rest),
        3 => (Form::Whole(Kind::Blob), rest),
        4 => (Form::Whole(Kind::Tag), rest),
        6 => {
            let (distance, rest) = distance(rest)?;
            (Form::OffsetDelta(distance), rest)
        }
        7 => {
            let (id, rest) = rest.split_first_chunk::<LENGTH>().ok_or(Error::Truncated)?;
            (Form::RefDelta(ObjectId::from_bytes(*id)), rest)
        }
        _ => return Err(Error::Entry),
    };
    Ok((Header { form, size }, rest))
}

/// Reads a number in groups of seven bits, the lowest first, above the `bits` bits of `low`.
pub(super) fn little_endian(bytes: &[u8], low: u64, bits: u32) -> Result<(u64, &[u8]), Error> {
    let (mut value, mut shift, mut rest) = (low, bits, bytes);
    loop {
        let (byte, after) = rest.split_first().ok_or(Error::Truncated)?;
        let group = u64::from(byte & 0x7f);
        let shifted = group.checked_shl(shift).filter(|shifted| shifted >> shift == group).ok_or(Error::Entry)?;
        value |= shifted;
        if byte & 0x80 == 0 {
            return Ok((value, after));
        }
        (shift, rest) = (shift + 7, after);
    }
}

/// Reads a number in groups of seven bits, the highest first. Each group but the last adds one, so
/// that each number has a single encoding.
fn distance(bytes: &[u8]) -> Result<(u64, &[u8]), Error> {
    let (mut value, mut rest) = (0u64, bytes);
    loop {
        let (byte, after) = rest.split_first().ok_or(Error::Truncated)?;
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
        fn numbers_round_trip(number: u64, after: u8) {
            let mut written = little_endian_of(number);
            written.push(after);
            prop_assert_eq!(little_endian(&written, 0, 0), Ok((number, &[after][..])));
            let number = number >> 1;
            let mut written = distance_of(number);
            written.push(after);
            prop_assert_eq!(distance(&written), Ok((number, &[after][..])));
        }

        #[test]
        fn headers_round_trip(size: u64) {
            let size = size >> 4;
            let written = header_of(3, size);
            prop_assert_eq!(header(&written), Ok((Header { form: Form::Whole(Kind::Blob), size }, &[][..])));
        }

        #[test]
        fn arbitrary_bytes_do_not_panic(bytes: Vec<u8>) {
            let _ = header(&bytes);
            let _ = distance(&bytes);
            let _ = little_endian(&bytes, 0, 0);
        }
    }

    #[test]
    fn truncated_or_endless_header_is_error() {
        for truncated in [&b""[..], b"\xb0", b"\xb0\x80", b"\x60", b"\x60\x80", b"\x70", &[0x70; 20]] {
            assert_eq!(header(truncated), Err(Error::Truncated), "{truncated:?}");
        }
        for kind in [0x00, 0x50] {
            assert_eq!(header(&[kind]), Err(Error::Entry), "{kind}");
        }
        assert_eq!(header(&[0xff; 12]), Err(Error::Entry));
        let endless = [&[0x60][..], &[0xff; 12]].concat();
        assert_eq!(header(&endless), Err(Error::Entry));
    }

    #[test]
    fn offset_base_precedes_delta() {
        assert_eq!(Form::OffsetDelta(3).resolve(7), Ok(Body::OffsetDelta(4)));
        for distance in [0, 8, u64::MAX] {
            assert_eq!(Form::OffsetDelta(distance).resolve(7), Err(Error::Base), "{distance}");
        }
    }
}
