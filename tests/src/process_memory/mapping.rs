//! The process's mappings, as the kernel lists them.

use std::fmt;

/// A stretch of addresses.
#[derive(Clone, Debug)]
pub(super) struct Mapping {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) place: Place,
    /// As the kernel calls it; empty for most.
    pub(super) name: String,
    /// Whether the kernel keeps its pages even from the process's own file of memory.
    pub(super) secret: bool,
    /// Whether any page of it is there.
    pub(super) resident: bool,
    /// Whether its pages have another size than [`PAGE`].
    pub(super) other_pages: bool,
    /// Whether nobody may touch it: addresses that are kept free.
    reserved: bool,
}

/// What a mapping is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Locked pages: where values belong.
    Locked,
    /// What the C library's allocator calls the heap.
    Heap,
    /// The main thread's stack.
    Stack,
    /// Guests' linear memories. The kernel does not say so, but nothing else stands between so many addresses kept free.
    Guest,
    /// Fibers' stacks, other threads' stacks and heaps, large blocks: which of them, the kernel does not say.
    Anonymous,
    /// Programs, libraries and their data.
    File,
    /// The kernel's own pages.
    Kernel,
}

impl Place {
    /// Every place.
    pub const ALL: [Self; 7] =
        [Self::Locked, Self::Heap, Self::Stack, Self::Guest, Self::Anonymous, Self::File, Self::Kernel];

    /// The place's name in reports.
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

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The size of pages in bytes. Where it is another one, nothing is examined, and no check holds.
pub(super) const PAGE: u64 = 4096;

/// Reads `/proc/PID/smaps`.
pub(super) fn parse(smaps: &str) -> Vec<Mapping> {
    let mut mappings: Vec<Mapping> = Vec::new();
    for line in smaps.lines() {
        if let Some(mapping) = head(line) {
            mappings.push(mapping);
        } else if let Some(last) = mappings.last_mut() {
            last.take(line);
        }
    }
    tell_guests(&mut mappings);
    mappings
}

/// How many addresses the engine keeps free at least, before a linear memory and after it: a guard, and what a guest could ask
/// for with 32 bits. No heap has as many.
const GUARD: u64 = 32 << 20;
const ROOM: u64 = 1 << 30;

/// Finds the stretches between such addresses.
fn tell_guests(mappings: &mut [Mapping]) {
    let is_free = |mapping: &Mapping, least| mapping.reserved && mapping.end - mapping.start >= least;
    let (mut first, mut opened) = (0, false);
    for at in 0..mappings.len() {
        let follows = at > 0 && mappings[at - 1].end == mappings[at].start;
        if mappings[at].reserved {
            if opened && follows && is_free(&mappings[at], ROOM) {
                let guests = mappings[first..at].iter_mut().filter(|mapping| mapping.place == Place::Anonymous);
                guests.for_each(|mapping| mapping.place = Place::Guest);
            }
            (first, opened) = (at + 1, is_free(&mappings[at], GUARD));
        } else if !follows {
            opened = false;
        }
    }
}

/// The line that a mapping begins with: `START-END PERMISSIONS OFFSET DEVICE INODE NAME`.
fn head(line: &str) -> Option<Mapping> {
    let (range, rest) = line.split_once(' ')?;
    let (start, end) = range.split_once('-')?;
    let address = |text| u64::from_str_radix(text, 16).ok();
    let reserved = rest.starts_with("---");
    let name = rest.split_whitespace().skip(4).collect::<Vec<_>>().join(" ");
    let secret = name.starts_with("/secretmem");
    let place = match name.as_str() {
        _ if secret => Place::Locked,
        "[heap]" => Place::Heap,
        "[stack]" => Place::Stack,
        name if name.starts_with("[vvar") || name == "[vsyscall]" => Place::Kernel,
        // A guest's memory begins as an image in a file without a name.
        name if name.is_empty() || name.starts_with("[anon") || name.starts_with("/memfd:") => Place::Anonymous,
        _ => Place::File,
    };
    Some(Mapping {
        start: address(start)?,
        end: address(end)?,
        place,
        name,
        secret,
        resident: false,
        other_pages: false,
        reserved,
    })
}

impl Mapping {
    /// Takes over one of the lines that follow.
    fn take(&mut self, line: &str) {
        let Some((field, value)) = line.split_once(':') else { return };
        match field {
            "Rss" | "Swap" | "Private_Hugetlb" | "Shared_Hugetlb" => self.resident |= value.trim() != "0 kB",
            "KernelPageSize" => self.other_pages = value.trim() != "4 kB",
            "VmFlags" if value.split_whitespace().any(|flag| flag == "lo") => self.place = Place::Locked,
            _ => {}
        }
    }

    /// For people: what is not examined is named by this.
    pub(super) fn label(&self) -> &str {
        if self.name.is_empty() { self.place.as_str() } else { &self.name }
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
    fn mappings_are_told_by_what_they_are_for() {
        let seen: Vec<_> = parse(SMAPS).into_iter().map(|m| (m.place, m.secret, m.resident, m.end - m.start)).collect();
        assert_eq!(
            seen,
            [
                (Place::File, false, true, 0x1000),
                (Place::Heap, false, true, 0x1000),
                (Place::Anonymous, false, false, 1 << 32),
                (Place::Anonymous, false, true, 0x10000),
                (Place::Anonymous, false, true, 0x10000),
                (Place::Locked, false, true, 0x10000),
                (Place::Locked, true, true, 0x40000),
                (Place::Anonymous, false, true, 0x10000),
                (Place::Kernel, false, false, 0x1000),
            ]
        );
        assert_eq!(parse(SMAPS)[0].label(), "/usr/bin/a b");
        assert_eq!(parse(SMAPS)[4].label(), "anonymous");
    }

    #[test]
    fn what_stands_between_addresses_kept_free_is_a_guests() {
        let places = |after: u64| -> Vec<_> {
            let smaps = format!(
                "7f0000000000-7f0002000000 ---p 00000000 00:00 0 \n7f0002000000-7f0002010000 rw-p 00000000 00:01 8 \
                 /memfd:image (deleted)\n7f0002010000-7f0002020000 rw-p 00000000 00:00 0 \n7f0002020000-{:x} ---p 00000000 \
                 00:00 0 \n",
                0x7f00_0202_0000 + after
            );
            parse(&smaps).into_iter().map(|mapping| mapping.place).collect()
        };
        assert_eq!(places(1 << 30), [Place::Anonymous, Place::Guest, Place::Guest, Place::Anonymous]);
        assert_eq!(places(1 << 26), [Place::Anonymous; 4], "a thread's heap");
    }

    #[test]
    fn pages_of_another_size_are_told() {
        let sized = |size: &str| parse(&SMAPS.replace("Rss:", &format!("KernelPageSize: {size}\nRss:")));
        assert!(sized("4 kB").iter().all(|mapping| !mapping.other_pages));
        assert!(sized("64 kB").iter().all(|mapping| mapping.other_pages));
    }

    #[test]
    fn the_kernels_own_list_is_understood() {
        let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let mappings = parse(&smaps);
        let on_stack = &raw const smaps as u64;
        assert_eq!(mappings.len(), smaps.lines().filter(|line| line.starts_with("VmFlags:")).count());
        assert!(mappings.iter().any(|mapping| mapping.resident && (mapping.start..mapping.end).contains(&on_stack)));
        assert!(mappings.iter().any(|mapping| mapping.place == Place::Heap));
    }
}
