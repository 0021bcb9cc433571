//! Inflates consecutive objects, whose deflated sizes are unknown.

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_COMPUTE_ADLER32, TINFL_FLAG_PARSE_ZLIB_HEADER, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

use super::Error;

const FLAGS: u32 = TINFL_FLAG_PARSE_ZLIB_HEADER | TINFL_FLAG_COMPUTE_ADLER32 | TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;

/// A decompressor, reused for all objects.
#[derive(Default)]
pub(super) struct Inflater(Box<DecompressorOxide>);

impl Inflater {
    /// Inflates an object of this size from the start of `bytes`, and returns it with the rest.
    pub(super) fn inflate<'a>(&mut self, bytes: &'a [u8], size: usize) -> Result<(Vec<u8>, &'a [u8]), Error> {
        self.0.init();
        let mut data = vec![0; size];
        let (status, read, written) = decompress(&mut self.0, bytes, &mut data, 0, FLAGS);
        match status {
            TINFLStatus::Done if written == size => Ok((data, bytes.get(read..).ok_or(Error::Truncated)?)),
            TINFLStatus::Done | TINFLStatus::HasMoreOutput => Err(Error::Size),
            TINFLStatus::NeedsMoreInput | TINFLStatus::FailedCannotMakeProgress => Err(Error::Truncated),
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
        fn inflate_returns_object_and_rest(data: Vec<u8>, after: Vec<u8>, level in 0..10u8) {
            let bytes = [compress_to_vec_zlib(&data, level), after.clone()].concat();
            let inflated = Inflater::default().inflate(&bytes, data.len());
            prop_assert_eq!(inflated, Ok((data, after.as_slice())));
        }

        #[test]
        fn arbitrary_bytes_do_not_panic(bytes: Vec<u8>, size in 0..100usize) {
            let _ = Inflater::default().inflate(&bytes, size);
        }
    }

    #[test]
    fn wrong_size_is_error() {
        let mut inflater = Inflater::default();
        for level in [0, 9] {
            let bytes = compress_to_vec_zlib(b"twelve bytes", level);
            for size in [0, 1, 11, 13, 1000] {
                assert_eq!(inflater.inflate(&bytes, size), Err(Error::Size), "{level} {size}");
            }
            for end in 0..bytes.len() {
                assert_eq!(inflater.inflate(&bytes[..end], 12), Err(Error::Truncated), "{level} {end}");
            }
            // The inflater is reusable after an error.
            assert_eq!(inflater.inflate(&bytes, 12), Ok((b"twelve bytes".to_vec(), &[][..])));
        }
    }

    #[test]
    fn invalid_zlib_is_error() {
        let good = compress_to_vec_zlib(b"twelve bytes", 9);
        let mut sum = good.clone();
        *sum.last_mut().unwrap() ^= 1;
        // A stream that needs a dictionary, and one with an invalid block type.
        let (dictionary, block) = (vec![0x78, 0xbb, 0, 0, 0, 0], vec![0x78, 0x9c, 0x07]);
        for bytes in [sum, dictionary, block, b"plain text".to_vec()] {
            assert_eq!(Inflater::default().inflate(&bytes, 12), Err(Error::Zlib), "{bytes:?}");
        }
    }
}
