//! Writes packs.

use miniz_oxide::deflate::compress_to_vec_zlib;

use super::Error;
use crate::id;
use crate::{Kind, Object};

/// The compression level that zlib uses by default.
const LEVEL: u8 = 6;

/// Writes a pack of version 2 with these objects, without deltas.
///
/// # Errors
///
/// [`Error::TooManyObjects`] if the count does not fit, [`Error::Collision`] if the pack bears the
/// marks of a collision attack.
pub fn write(objects: &[Object]) -> Result<Vec<u8>, Error> {
    let count = u32::try_from(objects.len()).map_err(|_| Error::TooManyObjects(u32::MAX))?;
    let mut pack = [b"PACK\0\0\0\x02", &count.to_be_bytes()[..]].concat();
    for object in objects {
        header(&mut pack, object);
        pack.extend(compress_to_vec_zlib(&object.data, LEVEL));
    }
    let digest = id::digest(&[&pack]).ok_or(Error::Collision)?;
    pack.extend(digest);
    Ok(pack)
}

fn header(pack: &mut Vec<u8>, object: &Object) {
    let number: u8 = match object.kind {
        Kind::Commit => 1,
        Kind::Tree => 2,
        Kind::Blob => 3,
        Kind::Tag => 4,
    };
    let size = object.data.len();
    let [low, ..] = size.to_le_bytes();
    let mut byte = number << 4 | low & 0x0f;
    let mut rest = size >> 4;
    while rest > 0 {
        pack.push(byte | 0x80);
        let [low, ..] = rest.to_le_bytes();
        byte = low & 0x7f;
        rest >>= 7;
    }
    pack.push(byte);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pack::Limits;
    use crate::{ObjectId, Pack};

    proptest! {
        #[test]
        fn written_pack_is_readable(contents: Vec<Vec<u8>>, large in 0..5000usize) {
            let kinds = [Kind::Commit, Kind::Tree, Kind::Blob, Kind::Tag].into_iter().cycle();
            let contents = contents.into_iter().chain([vec![7; large]]);
            let objects: Vec<_> = kinds.zip(contents).map(|(kind, data)| Object { kind, data }).collect();
            let pack = Pack::read(&write(&objects).unwrap(), Limits::default()).unwrap();
            prop_assert_eq!(pack.deltas(), 0);
            for object in &objects {
                let id = ObjectId::of(object.kind, &object.data).unwrap();
                prop_assert!(pack.object(&id) == Some(object));
            }
        }
    }
}
