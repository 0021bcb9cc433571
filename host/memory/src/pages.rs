#![expect(unsafe_code, reason = "memory comes from the kernel as an address")]
//! Pages that neither swap, nor a core dump, nor a forked child has.

use std::io;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::ptr::{NonNull, null_mut};

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mlock, mmap, mmap_anonymous, munmap};
use rustix::process::{Resource, getrlimit};

/// The unit of locked memory, in bytes: a multiple of every page size that Linux has, and room for
/// the largest value.
pub(super) const PAGES: usize = 64 * 1024;

/// What keeps values out of everything but this process's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Backing {
    /// `memfd_secret(2)`: pages that the kernel takes out of its own map of memory. They are in no core dump and cannot be
    /// read by `ptrace`, `/proc/PID/mem` or `process_vm_readv`, by root neither. A forked child does not have them.
    MemfdSecret,
    /// `mmap` and `mlock`: pages that are not swapped, left out of core dumps, and zero in a forked child. Who may trace
    /// the process can read them.
    Locked,
}

impl Backing {
    /// A stable token for metrics and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MemfdSecret => "memfd-secret",
            Self::Locked => "locked",
        }
    }

    /// The best that the kernel has: found by trying, since a kernel may know the call and refuse it.
    pub(super) fn best() -> Self {
        // Such pages are those of a file: beyond the limit on file sizes, the kernel sends SIGXFSZ, which ends a process.
        let fits = getrlimit(Resource::Fsize).current.is_none_or(|limit| limit >= FILE_SIZE);
        if fits && Pages::map(Self::MemfdSecret, PAGES).is_ok() { Self::MemfdSecret } else { Self::Locked }
    }
}

/// The limit on file sizes, in bytes, below which no value is in a file of `memfd_secret(2)`. It is
/// larger than any of these files.
const FILE_SIZE: u64 = 16 << 20;

/// A stretch of zeroed pages. Given back to the kernel when dropped.
pub(super) struct Pages {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: the pages are this value's alone, and are the same for every thread of the process.
unsafe impl Send for Pages {}
// SAFETY: a shared reference gives the address only; who reads and writes there makes sure of its own exclusiveness.
unsafe impl Sync for Pages {}

impl Pages {
    /// Takes so many bytes, a multiple of the page size, from the kernel. If any of what the backing promises cannot be had,
    /// there are no pages.
    pub(super) fn map(backing: Backing, len: usize) -> io::Result<Self> {
        match backing {
            Backing::MemfdSecret => Self::secret(len),
            Backing::Locked => Self::locked(len),
        }
    }

    /// Where they begin.
    pub(super) fn start(&self) -> NonNull<u8> {
        self.start
    }

    /// How many bytes they have.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    fn secret(len: usize) -> io::Result<Self> {
        let file = memfd_secret()?;
        rustix::fs::ftruncate(&file, u64::try_from(len).map_err(io::Error::other)?)?;
        // SAFETY: the kernel picks an address where nothing is. The file has `len` bytes, and nobody else has it, so that
        // it can neither be cut off nor written to. It is closed below; the mapping stays.
        let start =
            unsafe { mmap(null_mut(), len, ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED, file.as_fd(), 0)? };
        let pages = Self::at(start.cast(), len)?;
        // The kernel locks such pages and leaves them out of dumps by itself. A child would share them: it gets none.
        pages.advise(Advice::LinuxDontFork)?;
        Ok(pages)
    }

    fn locked(len: usize) -> io::Result<Self> {
        // SAFETY: the kernel picks an address where nothing is.
        let start = unsafe { mmap_anonymous(null_mut(), len, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE)? };
        let pages = Self::at(start.cast(), len)?;
        pages.advise(Advice::LinuxDontDump)?;
        pages.advise(Advice::LinuxWipeOnFork)?;
        // SAFETY: the range is the one that was just mapped; locking changes nothing that a program can see.
        unsafe { mlock(pages.start.as_ptr().cast(), len)? };
        Ok(pages)
    }

    fn at(start: *mut u8, len: usize) -> io::Result<Self> {
        let start = NonNull::new(start).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { start, len })
    }

    fn advise(&self, advice: Advice) -> io::Result<()> {
        // SAFETY: the range is this value's own, and the advice is about children and dumps: it leaves the contents alone.
        unsafe { madvise(self.start.as_ptr().cast(), self.len, advice)? };
        Ok(())
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: the range is the one that was mapped, and slots borrow the slab that these pages are of: none is left.
        // There is nothing to be done about an error, and none that the kernel documents for such a range.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), self.len) };
    }
}

fn memfd_secret() -> io::Result<OwnedFd> {
    // SAFETY: the call takes one argument, a word of flags, and touches no memory of the process.
    let answer = unsafe { libc::syscall(libc::SYS_memfd_secret, libc::c_long::from(libc::O_CLOEXEC)) };
    match i32::try_from(answer) {
        // SAFETY: a number that is not negative is a descriptor that the kernel has just opened for this caller.
        Ok(descriptor @ 0..) => Ok(unsafe { OwnedFd::from_raw_fd(descriptor) }),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::c_int;
    use std::io::Read;
    use std::slice;

    use rustix::process::{Pid, WaitOptions, waitpid};

    use super::*;

    /// Both kinds, as far as the kernel has them.
    fn kinds() -> Vec<(Backing, Pages)> {
        let map = |backing| Pages::map(backing, PAGES).ok().map(|pages| (backing, pages));
        let kinds: Vec<_> = [Backing::MemfdSecret, Backing::Locked].into_iter().filter_map(map).collect();
        assert!(kinds.iter().any(|(backing, _)| *backing == Backing::Locked), "nothing was examined");
        kinds
    }

    fn bytes(pages: &mut Pages) -> &mut [u8] {
        // SAFETY: the pages are mapped as long as they are borrowed, and borrowed by this slice alone.
        unsafe { slice::from_raw_parts_mut(pages.start.as_ptr(), pages.len) }
    }

    /// The kernel's flags of the mapping that begins at these pages, or has them in it.
    fn flags(pages: &Pages) -> Vec<String> {
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let address = pages.start.as_ptr().addr();
        let mut inside = false;
        for line in maps.lines() {
            let range = line.split(' ').next().and_then(|range| range.split_once('-'));
            if let Some((start, end)) = range
                && let (Ok(start), Ok(end)) = (usize::from_str_radix(start, 16), usize::from_str_radix(end, 16))
            {
                inside = (start..end).contains(&address);
            }
            if let Some(flags) = line.strip_prefix("VmFlags: ").filter(|_| inside) {
                return flags.split_whitespace().map(str::to_owned).collect();
            }
        }
        panic!("the kernel does not know the pages");
    }

    #[test]
    fn pages_come_as_zeroes_and_take_what_is_written() {
        for (_, mut pages) in kinds() {
            assert!(bytes(&mut pages).iter().all(|byte| *byte == 0));
            bytes(&mut pages).fill(7);
            assert!(bytes(&mut pages).iter().all(|byte| *byte == 7));
        }
    }

    #[test]
    fn pages_are_locked_and_in_no_dump() {
        for (backing, pages) in kinds() {
            let flags = flags(&pages);
            let has = |flag: &str| flags.iter().any(|other| other == flag);
            assert!(has("lo"), "{backing:?}: locked: {flags:?}");
            assert!(has("dd"), "{backing:?}: left out of dumps: {flags:?}");
            assert!(has("dc") || has("wf"), "{backing:?}: not for children: {flags:?}");
        }
    }

    /// What a forked child writes into a pipe from these pages: nothing if it cannot read them.
    fn seen_by_a_child(pages: &mut Pages) -> Vec<u8> {
        let bytes = &*bytes(pages);
        let (mut reader, writer) = std::io::pipe().unwrap();
        // SAFETY: the child makes two system calls and ends, without touching memory that another thread of the parent may
        // have left halfway. The kernel answers with an error where the child has no pages.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let written = rustix::io::write(&writer, bytes.get(..64).unwrap_or_default());
            // SAFETY: ends the child at once, without the parent's destructors.
            unsafe { libc::_exit(c_int::from(written.is_err())) };
        }
        drop(writer);
        let mut seen = Vec::new();
        reader.read_to_end(&mut seen).unwrap();
        waitpid(Pid::from_raw(child), WaitOptions::empty()).unwrap();
        seen
    }

    #[test]
    fn a_forked_child_sees_nothing() {
        for (backing, mut pages) in kinds() {
            bytes(&mut pages).fill(7);
            let seen = seen_by_a_child(&mut pages);
            match backing {
                Backing::MemfdSecret => assert_eq!(seen, b""),
                Backing::Locked => assert_eq!(seen, [0; 64]),
            }
            assert!(bytes(&mut pages).iter().all(|byte| *byte == 7), "the parent keeps them");
        }
    }

    #[test]
    fn what_the_kernel_does_not_give_is_an_error() {
        for backing in [Backing::MemfdSecret, Backing::Locked] {
            assert!(Pages::map(backing, usize::MAX & !(PAGES - 1)).is_err());
        }
    }
}
