#![expect(unsafe_code, reason = "pages of memfd_secret can only be read by address")]
//! A search through the whole memory of this process, from within.

mod mapping;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::ptr;

use far_needle::{Encoding, Hit, Needle, Search, WINDOW};

pub use self::mapping::MemoryRegion;
use self::mapping::{Mapping, PAGE};

/// The bytes read at a time.
const CHUNK: usize = 256 * 1024;
/// The capacity for the list of mappings, in bytes.
const LISTED: usize = 4 << 20;
/// The number of page states read at a time.
const STATES: usize = 8192;
/// The bits of a page state that mark the page as in memory or in swap.
const PRESENT: u64 = 0b11 << 62;

/// The files through which a process reads its own memory. A hardened process can still read them,
/// but not open them.
pub struct ProcessMemory {
    mappings: File,
    /// The content of `mappings`. The block is allocated in advance: a new one could overwrite
    /// freed memory that the search must see.
    mapping_list: String,
    pages: File,
    memory: File,
    /// The bytes under examination. The search skips this buffer and wipes it at the end.
    chunk: Box<[u8]>,
    states: Box<[u8]>,
}

/// The results of a search.
#[derive(Debug, Default)]
pub struct Findings {
    /// The matches and their regions.
    pub hits: Vec<(MemoryRegion, Hit)>,
    /// The examined bytes of each region.
    pub examined: BTreeMap<MemoryRegion, u64>,
    /// The names and bytes of the process's mappings that could not be examined.
    pub not_examined: BTreeMap<String, u64>,
    /// The names and bytes of unreadable kernel mappings.
    pub kernels: BTreeMap<String, u64>,
}

impl Findings {
    /// Returns the number of matches in a region.
    pub fn hits_in(&self, region: MemoryRegion) -> usize {
        self.hits.iter().filter(|(other, _)| *other == region).count()
    }

    /// Merges the findings of another value's search.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.hits.extend(other.hits);
        other.not_examined.into_iter().for_each(|(name, bytes)| *self.not_examined.entry(name).or_default() += bytes);
        self
    }

    /// Returns the encodings of the matches.
    pub fn encodings(&self) -> Vec<Encoding> {
        let mut encodings: Vec<_> = self.hits.iter().map(|(_, hit)| hit.encoding).collect();
        encodings.sort_unstable();
        encodings.dedup();
        encodings
    }
}

impl ProcessMemory {
    /// Opens the files.
    ///
    /// # Errors
    ///
    /// Fails if the process is already hardened, or `/proc` is not mounted.
    pub fn open() -> io::Result<Self> {
        Ok(Self {
            mappings: File::open("/proc/self/smaps")?,
            mapping_list: String::with_capacity(LISTED),
            pages: File::open("/proc/self/pagemap")?,
            memory: File::open("/proc/self/mem")?,
            chunk: vec![0; CHUNK].into_boxed_slice(),
            states: vec![0; STATES * size_of::<u64>()].into_boxed_slice(),
        })
    }

    /// Searches all memory for a value.
    ///
    /// # Errors
    ///
    /// Fails if the list of mappings or of pages cannot be read.
    pub fn search(&mut self, needle: &Needle) -> io::Result<Findings> {
        self.mapping_list.clear();
        self.mappings.rewind()?;
        self.mappings.read_to_string(&mut self.mapping_list)?;
        let mappings = mapping::parse(&self.mapping_list);
        let mut search = needle.search();
        let mut findings = Findings::default();
        for mapping in &mappings {
            let examined = self.examine(mapping, &mut search)?;
            *findings.examined.entry(mapping.region).or_default() += examined.bytes;
            if examined.missed > 0 {
                let kernels = mapping.region == MemoryRegion::Kernel;
                let missed = if kernels { &mut findings.kernels } else { &mut findings.not_examined };
                *missed.entry(mapping.label().to_owned()).or_default() += examined.missed;
            }
        }
        self.chunk.fill(0);
        std::hint::black_box(&mut self.chunk);
        findings.hits = self.with_regions(search.hits(), &mappings);
        Ok(findings)
    }

    /// Adds the region to each match, and drops matches in the search's own buffer.
    fn with_regions(&self, hits: Vec<Hit>, mappings: &[Mapping]) -> Vec<(MemoryRegion, Hit)> {
        let own = self.chunk.as_ptr().addr() as u64..self.chunk.as_ptr().addr() as u64 + CHUNK as u64;
        let region = |hit: &Hit| {
            let mapping = mappings.iter().find(|mapping| (mapping.start..mapping.end).contains(&hit.address));
            mapping.map_or(MemoryRegion::Anonymous, |mapping| mapping.region)
        };
        hits.into_iter().filter(|hit| !own.contains(&hit.address)).map(|hit| (region(&hit), hit)).collect()
    }

    fn examine(&mut self, mapping: &Mapping, search: &mut Search<'_>) -> io::Result<Examined> {
        let mut examined = Examined { bytes: 0, missed: 0 };
        if mapping.other_pages {
            examined.missed = mapping.end - mapping.start;
            return Ok(examined);
        }
        // The kernel reports no state for its own pages.
        if mapping.region == MemoryRegion::Kernel {
            self.read(mapping, mapping.start..mapping.end, search, &mut examined);
        } else if mapping.resident {
            for range in self.present_ranges(mapping)? {
                self.read(mapping, range, search, &mut examined);
            }
        }
        Ok(examined)
    }

    /// Returns the pages of a mapping that are in memory or in swap. Other pages read as zeroes or
    /// as the mapped file.
    fn present_ranges(&mut self, mapping: &Mapping) -> io::Result<Vec<Range<u64>>> {
        let mut ranges: Vec<Range<u64>> = Vec::new();
        let (mut page, end) = (mapping.start / PAGE, mapping.end / PAGE);
        while page < end {
            let count = usize::try_from(end - page).unwrap_or(STATES).min(STATES);
            let states = &mut self.states[..count * size_of::<u64>()];
            self.pages.read_exact_at(states, page * size_of::<u64>() as u64)?;
            for (number, state) in (page..).zip(states.as_chunks().0) {
                if u64::from_ne_bytes(*state) & PRESENT == 0 {
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

    /// Examines a range in chunks that overlap by one byte less than a window.
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

/// Reads locked pages that no file of the kernel exposes.
fn copy_from(address: u64, chunk: &mut [u8]) {
    let start = ptr::with_exposed_provenance::<u8>(address as usize);
    for (at, byte) in chunk.iter_mut().enumerate() {
        // SAFETY: the kernel has just listed this range as mapped, readable and present, and locked
        // pages are never unmapped. Other threads may write values in it meanwhile, so each read is
        // of one byte, and volatile.
        *byte = unsafe { start.add(at).read_volatile() };
    }
}
