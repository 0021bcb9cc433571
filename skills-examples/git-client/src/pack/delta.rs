//! Deltas: an object as pieces of another, and what is new.

use super::Error;
use super::budget::Budget;
use super::entry::little_endian;

/// What a delta makes of its base.
pub(super) fn apply(base: &[u8], delta: &[u8], budget: &mut Budget) -> Result<Vec<u8>, Error> {
    let (base_size, rest) = size(delta)?;
    let (size, mut rest) = size(rest)?;
    if u64::try_from(base.len()) != Ok(base_size) {
        return Err(Error::Delta);
    }
    let size = budget.take(size)?;
    let mut result = Vec::with_capacity(size);
    while let Some((instruction, after)) = rest.split_first() {
        let piece;
        (piece, rest) = match instruction {
            0 => return Err(Error::Delta),
            1..=0x7f => after.split_at_checked(usize::from(*instruction)).ok_or(Error::Delta)?,
            0x80.. => copy(base, *instruction, after).ok_or(Error::Delta)?,
        };
        // Before it is appended: the memory that was reserved is all that there is.
        if piece.len() > size - result.len() {
            return Err(Error::Delta);
        }
        result.extend_from_slice(piece);
    }
    if result.len() == size { Ok(result) } else { Err(Error::Delta) }
}

fn size(delta: &[u8]) -> Result<(u64, &[u8]), Error> {
    little_endian(delta, 0, 0).map_err(|_| Error::Delta)
}

/// A piece of the base, and the instructions that follow.
fn copy<'a>(base: &'a [u8], instruction: u8, mut rest: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    // Four bytes of where it is and three of how long it is, of which those are there that the instruction says.
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
        fn a_delta_makes_what_it_was_made_from(base in proptest::collection::vec(any::<u8>(), 600), steps in steps()) {
            let (delta, result) = delta_of(&base, &steps);
            prop_assert_eq!(applied(&base, &delta), Ok(result));
        }

        #[test]
        fn a_delta_that_is_cut_makes_nothing_else(steps in steps(), at: prop::sample::Index) {
            let base = [7; 600];
            let (delta, result) = delta_of(&base, &steps);
            let cut = &delta[..at.index(delta.len())];
            // One that is cut makes the whole only if the whole is made before it.
            prop_assert!(matches!(applied(&base, cut), Err(Error::Delta)) || applied(&base, cut) == Ok(result));
        }

        #[test]
        fn no_bytes_break_it(base: Vec<u8>, delta: Vec<u8>) {
            let _ = applied(&base, &delta);
            // Past the sizes, where most of what is drawn would end.
            let sized = [&[u8::try_from(base.len() & 0x7f).unwrap(), 9][..], &delta].concat();
            let _ = applied(&base[..base.len() & 0x7f], &sized);
        }
    }

    #[test]
    fn a_copy_of_no_length_is_of_64_kib() {
        let base: Vec<u8> = (0..0x1_0001u32).map(|number| number.to_le_bytes()[0]).collect();
        let sizes = [&b"\x81\x80\x04\x80\x80\x04"[..], b"\x81\x01"].concat();
        assert_eq!(applied(&base, &sizes).as_deref(), Ok(&base[1..]));
    }

    #[test]
    fn what_is_hostile_is_refused() {
        let cases: [(&str, &[u8]); 9] = [
            ("nothing", b""),
            ("no size of the result", b"\x04"),
            ("another size of the base", b"\x05\x00"),
            ("the instruction that is none", b"\x04\x01\x00"),
            ("a copy from behind the base", b"\x04\x04\x91\x01\x04"),
            ("a copy that no address has", b"\x04\x04\xff\xff\xff\xff\xff\xff\xff\xff"),
            ("more than it says", b"\x04\x01\x02ab"),
            ("less than it says", b"\x04\x03\x02ab"),
            ("an insertion that is cut", b"\x04\x03\x03ab"),
        ];
        for (what, delta) in cases {
            assert_eq!(applied(b"base", delta), Err(Error::Delta), "{what}");
        }
        assert_eq!(applied(b"base", b"\x04\x02\x90\x02"), Ok(b"ba".to_vec()));
    }

    #[test]
    fn what_it_says_of_its_size_costs_no_memory() {
        let huge = b"\x04\xff\xff\xff\xff\xff\xff\xff\x7f";
        assert_eq!(applied(b"base", huge), Err(Error::TooLarge));
        let mut budget = Budget::new(3);
        assert_eq!(apply(b"base", b"\x04\x02\x90\x02", &mut budget), Ok(b"ba".to_vec()));
        assert_eq!(apply(b"base", b"\x04\x02\x90\x02", &mut budget), Err(Error::TooLarge));
    }
}
