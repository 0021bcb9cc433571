//! Deltas: an object as copies of ranges of another object, and new data.

use super::Error;
use super::budget::Budget;
use super::entry::little_endian;

/// Applies a delta to its base.
pub(super) fn apply(base: &[u8], delta: &[u8], budget: &mut Budget) -> Result<Vec<u8>, Error> {
    let (base_size, rest) = size(delta)?;
    let (size, mut rest) = size(rest)?;
    if u64::try_from(base.len()) != Ok(base_size) {
        return Err(Error::Delta);
    }
    let size = budget.take(size)?;
    let mut result = Vec::with_capacity(size);
    while let Some((instruction, after)) = rest.split_first() {
        let data;
        (data, rest) = match instruction {
            0 => return Err(Error::Delta),
            1..=0x7f => after.split_at_checked(usize::from(*instruction)).ok_or(Error::Delta)?,
            0x80.. => copy(base, *instruction, after).ok_or(Error::Delta)?,
        };
        // Checked ahead of the append, which must not exceed the reserved memory.
        if data.len() > size - result.len() {
            return Err(Error::Delta);
        }
        result.extend_from_slice(data);
    }
    if result.len() == size { Ok(result) } else { Err(Error::Delta) }
}

fn size(delta: &[u8]) -> Result<(u64, &[u8]), Error> {
    little_endian(delta, 0, 0).map_err(|_| Error::Delta)
}

/// Returns a range of the base and the remaining instructions.
fn copy<'a>(base: &'a [u8], instruction: u8, mut rest: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    // Four bytes of offset and three of length. The instruction's bits select the bytes that are
    // present.
    let mut numbers = [0u8; 7];
    for (bit, byte) in numbers.iter_mut().enumerate() {
        if instruction & (1 << bit) != 0 {
            (*byte, rest) = rest.split_first().map(|(first, after)| (*first, after))?;
        }
    }
    let [a, b, c, d, x, y, z] = numbers;
    let offset = usize::try_from(u32::from_le_bytes([a, b, c, d])).ok()?;
    let length = match u32::from_le_bytes([x, y, z, 0]) {
        0 => 0x1_0000,
        length => usize::try_from(length).ok()?,
    };
    Some((base.get(offset..offset.checked_add(length)?)?, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{Step, delta_of};

    fn applied(base: &[u8], delta: &[u8]) -> Result<Vec<u8>, Error> {
        apply(base, delta, &mut Budget::new(1 << 20))
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let copy = (0..300usize, 1..300usize).prop_map(|(offset, length)| Step::Copy(offset, length));
        let insert = proptest::collection::vec(any::<u8>(), 1..128).prop_map(Step::Insert);
        proptest::collection::vec(prop_oneof![copy, insert], 0..20)
    }

    proptest! {
        #[test]
        fn delta_reproduces_result(base in proptest::collection::vec(any::<u8>(), 600), steps in steps()) {
            let (delta, result) = delta_of(&base, &steps);
            prop_assert_eq!(applied(&base, &delta), Ok(result));
        }

        #[test]
        fn truncated_delta_is_error(steps in steps(), at: prop::sample::Index) {
            let base = [7; 600];
            let (delta, result) = delta_of(&base, &steps);
            let truncated = &delta[..at.index(delta.len())];
            // The rest of a delta may be empty, so a truncated delta can still produce the result.
            prop_assert!(matches!(applied(&base, truncated), Err(Error::Delta)) || applied(&base, truncated) == Ok(result));
        }

        #[test]
        fn arbitrary_delta_does_not_panic(base: Vec<u8>, delta: Vec<u8>) {
            let _ = applied(&base, &delta);
            // Valid sizes, at which most random deltas would fail.
            let sized = [&[u8::try_from(base.len() & 0x7f).unwrap(), 9][..], &delta].concat();
            let _ = applied(&base[..base.len() & 0x7f], &sized);
        }
    }

    #[test]
    fn copy_without_length_is_64_kib() {
        let base: Vec<u8> = (0..0x1_0001u32).map(|number| number.to_le_bytes()[0]).collect();
        let sizes = [&b"\x81\x80\x04\x80\x80\x04"[..], b"\x81\x01"].concat();
        assert_eq!(applied(&base, &sizes).as_deref(), Ok(&base[1..]));
    }

    #[test]
    fn malformed_delta_is_rejected() {
        let cases: [(&str, &[u8]); 9] = [
            ("empty", b""),
            ("no size of the result", b"\x04"),
            ("another size of the base", b"\x05\x00"),
            ("the reserved instruction", b"\x04\x01\x00"),
            ("a copy from after the base", b"\x04\x04\x91\x01\x04"),
            ("a copy beyond the address space", b"\x04\x04\xff\xff\xff\xff\xff\xff\xff\xff"),
            ("a longer result", b"\x04\x01\x02ab"),
            ("a shorter result", b"\x04\x03\x02ab"),
            ("a truncated insertion", b"\x04\x03\x03ab"),
        ];
        for (case, delta) in cases {
            assert_eq!(applied(b"base", delta), Err(Error::Delta), "{case}");
        }
        assert_eq!(applied(b"base", b"\x04\x02\x90\x02"), Ok(b"ba".to_vec()));
    }

    #[test]
    fn declared_size_counts_against_budget() {
        let huge = b"\x04\xff\xff\xff\xff\xff\xff\xff\x7f";
        assert_eq!(applied(b"base", huge), Err(Error::TooLarge));
        let mut budget = Budget::new(3);
        assert_eq!(apply(b"base", b"\x04\x02\x90\x02", &mut budget), Ok(b"ba".to_vec()));
        assert_eq!(apply(b"base", b"\x04\x02\x90\x02", &mut budget), Err(Error::TooLarge));
    }
}
