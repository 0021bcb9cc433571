//! The frames between this process and the other one: a length and that many bytes.

use std::fs::File;
use std::io::{self, Read, Write};

use far_core::memory::SecretBytes;
use far_needle::MaskedValue;

/// Writes a frame.
pub(crate) fn write(to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    to.write_all(&u32::try_from(bytes.len()).map_err(io::Error::other)?.to_le_bytes())?;
    to.write_all(bytes)?;
    to.flush()
}

/// Writes a value, held only in locked pages meanwhile.
pub(crate) fn write_value(to: &mut impl Write, value: &MaskedValue) -> io::Result<()> {
    let plain = SecretBytes::new(value.len(), |place| value.write_to(place)).map_err(io::Error::other)?;
    write(to, plain.expose())
}

/// Reads a frame.
pub(crate) fn read(from: &mut File) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length(from)?];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Reads a value, held only in locked pages until it is masked.
pub(crate) fn read_value(from: &mut File) -> io::Result<MaskedValue> {
    let length = length(from)?;
    let mut read = Ok(());
    let plain = SecretBytes::new(length, |place| read = from.read_exact(place)).map_err(io::Error::other)?;
    read?;
    MaskedValue::of(plain.expose()).map_err(io::Error::other)
}

/// Reads a length. The standard library's handles are not used, because they buffer on the heap.
fn length(from: &mut File) -> io::Result<usize> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    usize::try_from(u32::from_le_bytes(length)).map_err(io::Error::other)
}
