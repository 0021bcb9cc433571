//! What this process and the other one say to each other: a length, and so many bytes.

use std::fs::File;
use std::io::{self, Read, Write};

use far_core::memory::SecretBytes;
use far_needle::Masked;

/// Writes a frame.
pub(crate) fn write(to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    to.write_all(&u32::try_from(bytes.len()).map_err(io::Error::other)?.to_le_bytes())?;
    to.write_all(bytes)?;
    to.flush()
}

/// Writes a value, which is in locked pages alone meanwhile.
pub(crate) fn write_value(to: &mut impl Write, value: &Masked) -> io::Result<()> {
    let plain = SecretBytes::new(value.len(), |place| value.write_to(place)).map_err(io::Error::other)?;
    write(to, plain.expose())
}

/// Reads a frame.
pub(crate) fn read(from: &mut File) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length(from)?];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Reads a value, which is in locked pages alone until it is under a mask.
pub(crate) fn read_value(from: &mut File) -> io::Result<Masked> {
    let length = length(from)?;
    let mut read = Ok(());
    let plain = SecretBytes::new(length, |place| read = from.read_exact(place)).map_err(io::Error::other)?;
    read?;
    Masked::of(plain.expose()).map_err(io::Error::other)
}

/// Not by the standard library's own handles: they have buffers on the heap.
fn length(from: &mut File) -> io::Result<usize> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    usize::try_from(u32::from_le_bytes(length)).map_err(io::Error::other)
}
