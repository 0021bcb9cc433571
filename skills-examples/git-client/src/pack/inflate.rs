//! Inflating one object after the other, none of which says how long it is deflated.

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_COMPUTE_ADLER32, TINFL_FLAG_PARSE_ZLIB_HEADER, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

use super::Error;

const FLAGS: u32 = TINFL_FLAG_PARSE_ZLIB_HEADER | TINFL_FLAG_COMPUTE_ADLER32 | TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;

/// What inflates; its tables are kept from one object to the next.
#[derive(Default)]
pub(super) struct Inflater(Box<DecompressorOxide>);

impl Inflater {
    /// What deflated bytes begin with, which is so long, and what follows it.
    pub(super) fn inflate<'a>(&mut self, bytes: &'a [u8], size: usize) -> Result<(Vec<u8>, &'a [u8]), Error> {
        self.0.init();
        let mut data = vec![0; size];
        let (status, read, written) = decompress(&mut self.0, bytes, &mut data, 0, FLAGS);
        match status {
            TINFLStatus::Done if written == size => Ok((data, bytes.get(read..).ok_or(Error::Cut)?)),
            TINFLStatus::Done | TINFLStatus::HasMoreOutput => Err(Error::Size),
            TINFLStatus::NeedsMoreInput | TINFLStatus::FailedCannotMakeProgress => Err(Error::Cut),
            _ => Err(Error::Zlib),
        }
    }
}

#[cfg(test)]
mod tests {
    use miniz_oxide::deflate::compress_to_vec_zlib;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_deflated_is_inflated_and_no_more_is_read(data: Vec<u8>, after: Vec<u8>, level in 0..10u8) {
            let bytes = [compress_to_vec_zlib(&data, level), after.clone()].concat();
            let inflated = Inflater::default().inflate(&bytes, data.len());
            prop_assert_eq!(inflated, Ok((data, after.as_slice())));
        }

        #[test]
        fn no_bytes_break_it(bytes: Vec<u8>, size in 0..100usize) {
            let _ = Inflater::default().inflate(&bytes, size);
        }
    }

    #[test]
    fn what_is_not_as_long_as_it_says_is_told() {
        let mut inflater = Inflater::default();
        for level in [0, 9] {
            let bytes = compress_to_vec_zlib(b"twelve bytes", level);
            for size in [0, 1, 11, 13, 1000] {
                assert_eq!(inflater.inflate(&bytes, size), Err(Error::Size), "{level} {size}");
            }
            for end in 0..bytes.len() {
                assert_eq!(inflater.inflate(&bytes[..end], 12), Err(Error::Cut), "{level} {end}");
            }
            // After each failure, it starts anew.
            assert_eq!(inflater.inflate(&bytes, 12), Ok((b"twelve bytes".to_vec(), &[][..])));
        }
    }

    #[test]
    fn what_is_not_zlibs_is_told() {
        let good = compress_to_vec_zlib(b"twelve bytes", 9);
        let mut sum = good.clone();
        *sum.last_mut().unwrap() ^= 1;
        // One that wants a dictionary, and one with a block of a kind that there is not.
        let (dictionary, block) = (vec![0x78, 0xbb, 0, 0, 0, 0], vec![0x78, 0x9c, 0x07]);
        for bytes in [sum, dictionary, block, b"plain text".to_vec()] {
            assert_eq!(Inflater::default().inflate(&bytes, 12), Err(Error::Zlib), "{bytes:?}");
        }
    }
}
