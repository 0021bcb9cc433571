//! Searches all writable memory of the process for a value.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::unix::fs::FileExt;

use far_core::memory::Backing;
use zeroize::Zeroizing;

use super::*;

const LENGTH: usize = 48;
const CHUNK: usize = 64 * 1024;

/// Returns the bytes of the value, so that no constant contains it.
fn letter(at: usize) -> u8 {
    b'A' + u8::try_from(at * at * at % 23).unwrap()
}

/// The buffers of the search, allocated in advance: later allocations could reuse memory that held
/// a value.
struct Search {
    maps: File,
    memory: File,
    ranges: String,
    chunk: Vec<u8>,
    zeroes: Vec<u8>,
}

impl Search {
    fn new() -> Self {
        Self {
            maps: File::open("/proc/self/maps").unwrap(),
            memory: File::open("/proc/self/mem").unwrap(),
            ranges: String::with_capacity(256 * 1024),
            chunk: vec![1; CHUNK],
            zeroes: vec![0; CHUNK],
        }
    }

    /// Counts the copies of the value in writable memory, outside of the search buffer.
    fn copies(&mut self) -> usize {
        self.ranges.clear();
        self.maps.rewind().unwrap();
        self.maps.read_to_string(&mut self.ranges).unwrap();
        let own = self.chunk.as_ptr().addr()..self.chunk.as_ptr().addr() + CHUNK;
        let mut found = BTreeSet::new();
        for map in self.ranges.lines().filter(|map| map.contains(" rw")) {
            let (start, end) = map.split(' ').next().unwrap().split_once('-').unwrap();
            let mut at = usize::from_str_radix(start, 16).unwrap();
            let end = usize::from_str_radix(end, 16).unwrap();
            while at < end {
                let chunk = &mut self.chunk[..CHUNK.min(end - at)];
                // Another thread may have unmapped the memory.
                let Ok(read @ 1..) = self.memory.read_at(chunk, at as u64) else { break };
                if chunk[..read] != self.zeroes[..read] {
                    let is_value = |window: &[u8]| window.iter().enumerate().all(|(at, byte)| *byte == letter(at));
                    let hits = chunk[..read].windows(LENGTH).enumerate().filter(|(_, window)| is_value(window));
                    found.extend(hits.map(|(offset, _)| at + offset).filter(|hit| !own.contains(hit)));
                }
                // Chunks overlap, so that a value across a boundary is found.
                at += if read > LENGTH { read - LENGTH + 1 } else { read };
            }
        }
        found.len()
    }
}

/// Returns the number of visible copies of a value in locked memory.
fn locked() -> usize {
    match far_core::memory::backing() {
        // The kernel hides these pages.
        Backing::MemfdSecret => 0,
        _ => 1,
    }
}

#[test]
fn file_content_is_wiped_from_memory() {
    let mut search = Search::new();
    let mut content = Zeroizing::new(Vec::with_capacity(8 * 1024));
    // Padding keeps the value away from the parts of a freed block that the allocator overwrites.
    let (comment, padding) = ("# a comment\n".repeat(200), "\\$".repeat(200));
    for part in [&comment, "A=\"", &padding] {
        content.extend_from_slice(part.as_bytes());
    }
    content.extend((0..LENGTH).map(letter));
    for part in [&padding, "\"\n", &comment] {
        content.extend_from_slice(part.as_bytes());
    }
    assert_eq!(search.copies(), 1, "the search finds the original");
    let development = Development::with(&*content);
    drop(content);
    assert_eq!(search.copies(), 0);

    let file = file::read(&development.path).unwrap();
    assert_eq!(search.copies(), 1, "the buffer");
    let secrets = parse::parse(&file).unwrap();
    assert_eq!(search.copies(), 1 + locked(), "the buffer and the value");
    drop((file, secrets));
    assert_eq!(search.copies(), 0);

    let provider = development.open().unwrap();
    assert_eq!(search.copies(), locked(), "the value");
    drop(provider);
    assert_eq!(search.copies(), 0);

    // The last line is invalid, which is detected after all others are parsed.
    fs::OpenOptions::new().append(true).open(&development.path).unwrap().write_all(b"B").unwrap();
    assert!(matches!(development.open(), Err(DotEnvError::Line { .. })));
    assert_eq!(search.copies(), 0);
}
