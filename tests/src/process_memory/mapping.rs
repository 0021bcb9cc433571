//! The process's mappings, as the kernel lists them.

use std::fmt;

/// A mapping: a range of addresses.
#[derive(Clone, Debug)]
pub(super) struct Mapping {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) region: MemoryRegion,
    /// The kernel's name for the mapping, often empty.
    pub(super) name: String,
    /// Set if `/proc/self/mem` cannot read its pages.
    pub(super) secret: bool,
    /// Set if any of its pages is in memory or in swap.
    pub(super) resident: bool,
    /// Set if its pages differ from [`PAGE`] in size.
    pub(super) other_pages: bool,
    /// Set if it reserves addresses without access.
    reserved: bool,
}

/// The purpose of a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MemoryRegion {
    /// Locked pages, in which values belong.
    Locked,
    /// The heap of the C library's allocator.
    Heap,
    /// The main thread's stack.
    Stack,
    /// Guests' linear memories. They are the only mappings between large reserved ranges.
    Guest,
    /// Fibers' stacks, other threads' stacks and heaps, and large blocks, which the kernel does not
    /// tell apart.
    Anonymous,
    /// Programs, libraries and their data.
    File,
    /// Pages of the kernel.
    Kernel,
}

impl MemoryRegion {
    /// Every region.
    pub const ALL: [Self; 7] =
        [Self::Locked, Self::Heap, Self::Stack, Self::Guest, Self::Anonymous, Self::File, Self::Kernel];

    /// Returns the region's name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Locked => "locked",
            Self::Heap => "heap",
            Self::Stack => "stack",
            Self::Guest => "guest",
            Self::Anonymous => "anonymous",
            Self::File => "file",
            Self::Kernel => "kernel",
        }
    }
}

impl fmt::Display for MemoryRegion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The page size in bytes. Mappings with other page sizes are not examined, which fails every
/// check.
pub(super) const PAGE: u64 = 4096;

/// Reads `/proc/PID/smaps`.
pub(super) fn parse(smaps: &str) -> Vec<Mapping> {
    let mut mappings: Vec<Mapping> = Vec::new();
    for line in smaps.lines() {
        if let Some(mapping) = head(line) {
            mappings.push(mapping);
        } else if let Some(last) = mappings.last_mut() {
            last.parse_field(line);
        }
    }
    mark_guests(&mut mappings);
    mappings
}

/// The least addresses that the engine reserves before and after a linear memory: a guard, and the
/// rest of 32 bits. Heaps reserve fewer.
const GUARD: u64 = 32 << 20;
const ADDRESS_SPACE: u64 = 1 << 30;

/// Marks the mappings between reserved ranges as guest memory.
fn mark_guests(mappings: &mut [Mapping]) {
    let is_reserved = |mapping: &Mapping, least| mapping.reserved && mapping.end - mapping.start >= least;
    let (mut first, mut opened) = (0, false);
    for at in 0..mappings.len() {
        let follows = at > 0 && mappings[at - 1].end == mappings[at].start;
        if mappings[at].reserved {
            if opened && follows && is_reserved(&mappings[at], ADDRESS_SPACE) {
                let guests = mappings[first..at].iter_mut().filter(|mapping| mapping.region == MemoryRegion::Anonymous);
                guests.for_each(|mapping| mapping.region = MemoryRegion::Guest);
            }
            (first, opened) = (at + 1, is_reserved(&mappings[at], GUARD));
        } else if !follows {
            opened = false;
        }
    }
}

/// Parses the first line of a mapping: `START-END PERMISSIONS OFFSET DEVICE INODE NAME`.
fn head(line: &str) -> Option<Mapping> {
    let (range, rest) = line.split_once(' ')?;
    let (start, end) = range.split_once('-')?;
    let address = |text| u64::from_str_radix(text, 16).ok();
    let reserved = rest.starts_with("---");
    let name = rest.split_whitespace().skip(4).collect::<Vec<_>>().join(" ");
    let secret = name.starts_with("/secretmem");
    let region = match name.as_str() {
        _ if secret => MemoryRegion::Locked,
        "[heap]" => MemoryRegion::Heap,
        "[stack]" => MemoryRegion::Stack,
        name if name.starts_with("[vvar") || name == "[vsyscall]" => MemoryRegion::Kernel,
        // A guest's memory begins as an image in an unnamed file.
        name if name.is_empty() || name.starts_with("[anon") || name.starts_with("/memfd:") => MemoryRegion::Anonymous,
        _ => MemoryRegion::File,
    };
    Some(Mapping {
        start: address(start)?,
        end: address(end)?,
        region,
        name,
        secret,
        resident: false,
        other_pages: false,
        reserved,
    })
}

impl Mapping {
    /// Parses one of the following lines.
    fn parse_field(&mut self, line: &str) {
        let Some((field, value)) = line.split_once(':') else { return };
        match field {
            "Rss" | "Swap" | "Private_Hugetlb" | "Shared_Hugetlb" => self.resident |= value.trim() != "0 kB",
            "KernelPageSize" => self.other_pages = value.trim() != "4 kB",
            "VmFlags" if value.split_whitespace().any(|flag| flag == "lo") => self.region = MemoryRegion::Locked,
            _ => {}
        }
    }

    /// Returns the name for reports.
    pub(super) fn label(&self) -> &str {
        if self.name.is_empty() { self.region.as_str() } else { &self.name }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMAPS: &str = "\
555500000000-555500001000 r-xp 00000000 fe:00 7                    /usr/bin/a b\nRss: 4 kB\nVmFlags: rd ex\n\
555500002000-555500003000 rw-p 00000000 00:00 0                    [heap]\nRss: 4 kB\nSwap: 0 kB\nVmFlags: rd wr\n\
7f0000000000-7f0100000000 ---p 00000000 00:00 0 \nRss: 0 kB\nVmFlags: mr\n\
7f0100000000-7f0100010000 rw-p 00000000 00:00 0 \nRss: 64 kB\nVmFlags: rd wr\n\
7f0200000000-7f0200010000 rw-p 00000000 00:00 0 \nRss: 0 kB\nSwap: 4 kB\nVmFlags: rd wr\n\
7f0300000000-7f0300010000 rw-p 00000000 00:00 0 \nRss: 4 kB\nVmFlags: rd wr lo dd\n\
7f0400000000-7f0400040000 rw-s 00000000 00:0e 9                    /secretmem (deleted)\nRss: 4 kB\nVmFlags: rd lo\n\
7f0480000000-7f0480010000 rw-p 00000000 00:01 8                    /memfd:wasm-memory-image (deleted)\nRss: 4 kB\n\
7f0500000000-7f0500001000 r--p 00000000 00:00 0                    [vvar]\nRss: 0 kB\nVmFlags: rd pf\n";

    #[test]
    fn mappings_are_classified() {
        let seen: Vec<_> =
            parse(SMAPS).into_iter().map(|m| (m.region, m.secret, m.resident, m.end - m.start)).collect();
        assert_eq!(
            seen,
            [
                (MemoryRegion::File, false, true, 0x1000),
                (MemoryRegion::Heap, false, true, 0x1000),
                (MemoryRegion::Anonymous, false, false, 1 << 32),
                (MemoryRegion::Anonymous, false, true, 0x10000),
                (MemoryRegion::Anonymous, false, true, 0x10000),
                (MemoryRegion::Locked, false, true, 0x10000),
                (MemoryRegion::Locked, true, true, 0x40000),
                (MemoryRegion::Anonymous, false, true, 0x10000),
                (MemoryRegion::Kernel, false, false, 0x1000),
            ]
        );
        assert_eq!(parse(SMAPS)[0].label(), "/usr/bin/a b");
        assert_eq!(parse(SMAPS)[4].label(), "anonymous");
    }

    #[test]
    fn memory_between_guard_regions_is_guest() {
        let regions = |after: u64| -> Vec<_> {
            let smaps = format!(
                "7f0000000000-7f0002000000 ---p 00000000 00:00 0 \n7f0002000000-7f0002010000 rw-p 00000000 00:01 8 \
                 /memfd:image (deleted)\n7f0002010000-7f0002020000 rw-p 00000000 00:00 0 \n7f0002020000-{:x} ---p 00000000 \
                 00:00 0 \n",
                0x7f00_0202_0000 + after
            );
            parse(&smaps).into_iter().map(|mapping| mapping.region).collect()
        };
        assert_eq!(
            regions(1 << 30),
            [MemoryRegion::Anonymous, MemoryRegion::Guest, MemoryRegion::Guest, MemoryRegion::Anonymous]
        );
        assert_eq!(regions(1 << 26), [MemoryRegion::Anonymous; 4], "a thread's heap");
    }

    #[test]
    fn other_page_sizes_are_reported() {
        let sized = |size: &str| parse(&SMAPS.replace("Rss:", &format!("KernelPageSize: {size}\nRss:")));
        assert!(sized("4 kB").iter().all(|mapping| !mapping.other_pages));
        assert!(sized("64 kB").iter().all(|mapping| mapping.other_pages));
    }

    #[test]
    fn real_smaps_is_parsed() {
        let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let mappings = parse(&smaps);
        let on_stack = &raw const smaps as u64;
        assert_eq!(mappings.len(), smaps.lines().filter(|line| line.starts_with("VmFlags:")).count());
        assert!(mappings.iter().any(|mapping| mapping.resident && (mapping.start..mapping.end).contains(&on_stack)));
        assert!(mappings.iter().any(|mapping| mapping.region == MemoryRegion::Heap));
    }
}
