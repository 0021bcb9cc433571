#![expect(unsafe_code, reason = "pages of memfd_secret can be read by their address only")]
//! This process's memory, all of it, searched from within.

mod mapping;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::ptr;

use far_needle::{Encoding, Hit, Needle, Search, WINDOW};

pub use self::mapping::Place;
use self::mapping::{Mapping, PAGE};

/// How much is looked at at a time.
const CHUNK: usize = 256 * 1024;
/// How long a list of mappings is at most, without taking more memory.
const LISTED: usize = 4 << 20;
/// How many pages' states are read at a time.
const STATES: usize = 8192;
/// What the kernel says of a page that is in memory, or in swap.
const THERE: u64 = 0b11 << 62;

/// The files through which a process sees itself. A hardened process cannot open them any more, but go on reading them.
pub struct ProcessMemory {
    mappings: File,
    /// What is read of `mappings`, in a block of its own from the beginning: one that is taken during a search would be
    /// one that was just freed, and hide what is left in it.
    listed: String,
    pages: File,
    memory: File,
    /// What is looked at is here meanwhile, and nowhere else; this is not searched, and overwritten at the end.
    chunk: Box<[u8]>,
    states: Box<[u8]>,
}

/// What a search has seen.
#[derive(Debug, Default)]
pub struct Findings {
    /// Where it was found, and in which form.
    pub hits: Vec<(Place, Hit)>,
    /// Bytes that were looked at.
    pub examined: BTreeMap<Place, u64>,
    /// What of the process's own could not be: its name, and how many bytes.
    pub not_examined: BTreeMap<String, u64>,
    /// What the kernel keeps there of its own, and shows to nobody.
    pub kernels: BTreeMap<String, u64>,
}

impl Findings {
    /// How often it was found in a place.
    pub fn hits_in(&self, place: Place) -> usize {
        self.hits.iter().filter(|(other, _)| *other == place).count()
    }

    /// These, and those of another value's search: for what consists of several.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.hits.extend(other.hits);
        other.not_examined.into_iter().for_each(|(name, bytes)| *self.not_examined.entry(name).or_default() += bytes);
        self
    }

    /// In which forms it was found.
    pub fn encodings(&self) -> Vec<Encoding> {
        let mut encodings: Vec<_> = self.hits.iter().map(|(_, hit)| hit.encoding).collect();
        encodings.sort_unstable();
        encodings.dedup();
        encodings
    }
}

impl ProcessMemory {
    /// Opens them.
    ///
    /// # Errors
    ///
    /// The process is hardened already, or `/proc` is not mounted.
    pub fn open() -> io::Result<Self> {
        Ok(Self {
            mappings: File::open("/proc/self/smaps")?,
            listed: String::with_capacity(LISTED),
            pages: File::open("/proc/self/pagemap")?,
            memory: File::open("/proc/self/mem")?,
            chunk: vec![0; CHUNK].into_boxed_slice(),
            states: vec![0; STATES * size_of::<u64>()].into_boxed_slice(),
        })
    }

    /// Looks for a value everywhere.
    ///
    /// # Errors
    ///
    /// The list of mappings, or of pages, could not be read.
    pub fn search(&mut self, needle: &Needle) -> io::Result<Findings> {
        self.listed.clear();
        self.mappings.rewind()?;
        self.mappings.read_to_string(&mut self.listed)?;
        let mappings = mapping::parse(&self.listed);
        let mut search = needle.search();
        let mut findings = Findings::default();
        for mapping in &mappings {
            let examined = self.examine(mapping, &mut search)?;
            *findings.examined.entry(mapping.place).or_default() += examined.bytes;
            if examined.missed > 0 {
                let kernels = mapping.place == Place::Kernel;
                let missed = if kernels { &mut findings.kernels } else { &mut findings.not_examined };
                *missed.entry(mapping.label().to_owned()).or_default() += examined.missed;
            }
        }
        self.chunk.fill(0);
        std::hint::black_box(&mut self.chunk);
        findings.hits = self.placed(search.hits(), &mappings);
        Ok(findings)
    }

    /// Finds, with where they are; without those in what this search itself has read.
    fn placed(&self, hits: Vec<Hit>, mappings: &[Mapping]) -> Vec<(Place, Hit)> {
        let own = self.chunk.as_ptr().addr() as u64..self.chunk.as_ptr().addr() as u64 + CHUNK as u64;
        let place = |hit: &Hit| {
            let mapping = mappings.iter().find(|mapping| (mapping.start..mapping.end).contains(&hit.address));
            mapping.map_or(Place::Anonymous, |mapping| mapping.place)
        };
        hits.into_iter().filter(|hit| !own.contains(&hit.address)).map(|hit| (place(&hit), hit)).collect()
    }

    fn examine(&mut self, mapping: &Mapping, search: &mut Search<'_>) -> io::Result<Examined> {
        let mut examined = Examined { bytes: 0, missed: 0 };
        if mapping.other_pages {
            examined.missed = mapping.end - mapping.start;
            return Ok(examined);
        }
        // The kernel counts none of its own pages, and says of none that it is there.
        if mapping.place == Place::Kernel {
            self.read(mapping, mapping.start..mapping.end, search, &mut examined);
        } else if mapping.resident {
            for range in self.ranges_there(mapping)? {
                self.read(mapping, range, search, &mut examined);
            }
        }
        Ok(examined)
    }

    /// The pages of a mapping that are in memory or in swap. What else it has was never touched, or given back to the
    /// kernel: it reads as zeroes, or as its file.
    fn ranges_there(&mut self, mapping: &Mapping) -> io::Result<Vec<Range<u64>>> {
        let mut ranges: Vec<Range<u64>> = Vec::new();
        let (mut page, end) = (mapping.start / PAGE, mapping.end / PAGE);
        while page < end {
            let count = usize::try_from(end - page).unwrap_or(STATES).min(STATES);
            let states = &mut self.states[..count * size_of::<u64>()];
            self.pages.read_exact_at(states, page * size_of::<u64>() as u64)?;
            for (number, state) in (page..).zip(states.as_chunks().0) {
                if u64::from_ne_bytes(*state) & THERE == 0 {
                    continue;
                }
                let address = number * PAGE;
                match ranges.last_mut() {
                    Some(last) if last.end == address => last.end += PAGE,
                    _ => ranges.push(address..address + PAGE),
                }
            }
            page += count as u64;
        }
        Ok(ranges)
    }

    /// Looks at a stretch, in pieces that overlap by one byte less than a window.
    fn read(&mut self, mapping: &Mapping, range: Range<u64>, search: &mut Search<'_>, examined: &mut Examined) {
        let mut at = range.start;
        while at < range.end {
            let len = usize::try_from(range.end - at).unwrap_or(CHUNK).min(CHUNK);
            let chunk = &mut self.chunk[..len];
            if mapping.secret {
                copy_from(at, chunk);
            } else if self.memory.read_exact_at(chunk, at).is_err() {
                examined.missed += range.end - at;
                return;
            }
            search.feed(at, chunk);
            let next = at + len as u64;
            examined.bytes += if next == range.end { len } else { len - (WINDOW - 1) } as u64;
            at = if next == range.end { next } else { next - (WINDOW as u64 - 1) };
        }
    }
}

struct Examined {
    bytes: u64,
    missed: u64,
}

/// Reads locked pages that the kernel shows through no file.
fn copy_from(address: u64, chunk: &mut [u8]) {
    let start = ptr::with_exposed_provenance::<u8>(address as usize);
    for (at, byte) in chunk.iter_mut().enumerate() {
        // SAFETY: the kernel has just listed this range as mapped, readable and there, and locked pages are never given
        // back. Values in it may be written meanwhile by other threads: each read is of one byte, and volatile.
        *byte = unsafe { start.add(at).read_volatile() };
    }
}
