#![expect(unsafe_code, reason = "maps memory")]
//! Pages that are locked, excluded from core dumps, and not readable by a forked child.

use std::io;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::ptr::{NonNull, null_mut};

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mlock, mmap, mmap_anonymous, munmap};
use rustix::process::{Resource, getrlimit};

/// The unit of locked memory, in bytes: a multiple of every page size of Linux, and the size of the
/// largest value.
pub(super) const PAGES: usize = 64 * 1024;

/// The kind of memory that holds values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Backing {
    /// `memfd_secret(2)`: pages that the kernel removes from its direct map. They are in no core
    /// dump. `ptrace`, `/proc/PID/mem` and `process_vm_readv` cannot read them, even as root. A
    /// forked child does not inherit them.
    MemfdSecret,
    /// `mmap(2)` and `mlock(2)`: pages that are not swapped, excluded from core dumps, and zero in
    /// a forked child. A process that may trace this one can read them.
    Locked,
}

impl Backing {
    /// Returns a stable token for metrics and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MemfdSecret => "memfd-secret",
            Self::Locked => "locked",
        }
    }

    /// Returns the best backing that the kernel provides. Maps a page to find out, since a kernel
    /// may know the call and refuse it.
    pub(super) fn best() -> Self {
        // The pages belong to a file. Above the limit on file sizes, the kernel sends SIGXFSZ,
        // which kills the process.
        let fits = getrlimit(Resource::Fsize).current.is_none_or(|limit| limit >= FILE_SIZE);
        if fits && Pages::map(Self::MemfdSecret, PAGES).is_ok() { Self::MemfdSecret } else { Self::Locked }
    }
}

/// The lowest limit on file sizes, in bytes, with which `memfd_secret(2)` is used. It is larger
/// than any of these files.
const FILE_SIZE: u64 = 16 << 20;

/// Zeroed pages, unmapped on drop.
pub(super) struct Pages {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: this value owns the pages, which every thread may use.
unsafe impl Send for Pages {}
// SAFETY: a shared reference gives only the address; users of the address ensure exclusive access.
unsafe impl Sync for Pages {}

impl Pages {
    /// Maps `len` bytes, a multiple of the page size. Fails if any property of the backing is
    /// unavailable.
    pub(super) fn map(backing: Backing, len: usize) -> io::Result<Self> {
        match backing {
            Backing::MemfdSecret => Self::secret(len),
            Backing::Locked => Self::locked(len),
        }
    }

    /// Returns the address of the first byte.
    pub(super) fn start(&self) -> NonNull<u8> {
        self.start
    }

    /// Returns the length, in bytes.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    fn secret(len: usize) -> io::Result<Self> {
        let file = memfd_secret()?;
        rustix::fs::ftruncate(&file, u64::try_from(len).map_err(io::Error::other)?)?;
        // SAFETY: the kernel picks a free address. The file has `len` bytes, and no other process
        // has it open, so it can be neither truncated nor written. It is closed below; the mapping
        // stays.
        let start =
            unsafe { mmap(null_mut(), len, ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED, file.as_fd(), 0)? };
        let pages = Self::at(start.cast(), len)?;
        // The kernel locks these pages and excludes them from dumps by itself. A child would share
        // them.
        pages.advise(Advice::LinuxDontFork)?;
        Ok(pages)
    }

    fn locked(len: usize) -> io::Result<Self> {
        // SAFETY: the kernel picks a free address.
        let start = unsafe { mmap_anonymous(null_mut(), len, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE)? };
        let pages = Self::at(start.cast(), len)?;
        pages.advise(Advice::LinuxDontDump)?;
        pages.advise(Advice::LinuxWipeOnFork)?;
        // SAFETY: the range was just mapped; locking does not change its contents.
        unsafe { mlock(pages.start.as_ptr().cast(), len)? };
        Ok(pages)
    }

    fn at(start: *mut u8, len: usize) -> io::Result<Self> {
        let start = NonNull::new(start).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { start, len })
    }

    fn advise(&self, advice: Advice) -> io::Result<()> {
        // SAFETY: this value owns the range, and the advice, on children and dumps, keeps its
        // contents.
        unsafe { madvise(self.start.as_ptr().cast(), self.len, advice)? };
        Ok(())
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: the range is a mapping of this value, and slots borrow the slab that owns it:
        // none is left. The kernel documents no error for such a range.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), self.len) };
    }
}

fn memfd_secret() -> io::Result<OwnedFd> {
    // SAFETY: the call takes one argument, the flags, and does not access the memory of the
    // process.
    let result = unsafe { libc::syscall(libc::SYS_memfd_secret, libc::c_long::from(libc::O_CLOEXEC)) };
    match i32::try_from(result) {
        // SAFETY: a non-negative result is a descriptor that the kernel just opened for this
        // caller.
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

    /// Maps pages of both kinds, as far as the kernel supports them.
    fn kinds() -> Vec<(Backing, Pages)> {
        let map = |backing| Pages::map(backing, PAGES).ok().map(|pages| (backing, pages));
        let kinds: Vec<_> = [Backing::MemfdSecret, Backing::Locked].into_iter().filter_map(map).collect();
        assert!(kinds.iter().any(|(backing, _)| *backing == Backing::Locked), "locked pages are unavailable");
        kinds
    }

    fn bytes(pages: &mut Pages) -> &mut [u8] {
        // SAFETY: the pages stay mapped while they are borrowed, and this slice borrows them
        // exclusively.
        unsafe { slice::from_raw_parts_mut(pages.start.as_ptr(), pages.len) }
    }

    /// Returns the kernel's flags of the mapping that contains these pages.
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
        panic!("/proc/self/smaps does not list the pages");
    }

    #[test]
    fn pages_are_zeroed_and_writable() {
        for (_, mut pages) in kinds() {
            assert!(bytes(&mut pages).iter().all(|byte| *byte == 0));
            bytes(&mut pages).fill(7);
            assert!(bytes(&mut pages).iter().all(|byte| *byte == 7));
        }
    }

    #[test]
    fn pages_are_locked_and_not_dumped() {
        for (backing, pages) in kinds() {
            let flags = flags(&pages);
            let has = |flag: &str| flags.iter().any(|other| other == flag);
            assert!(has("lo"), "{backing:?}: locked: {flags:?}");
            assert!(has("dd"), "{backing:?}: excluded from dumps: {flags:?}");
            assert!(has("dc") || has("wf"), "{backing:?}: not inherited: {flags:?}");
        }
    }

    /// Returns the bytes that a forked child can read from these pages.
    fn read_in_child(pages: &mut Pages) -> Vec<u8> {
        let bytes = &*bytes(pages);
        let (mut reader, writer) = std::io::pipe().unwrap();
        // SAFETY: the child makes two system calls and exits. It does not touch memory that another
        // thread of the parent may have left inconsistent. The kernel returns an error if the child
        // has no pages.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let written = rustix::io::write(&writer, bytes.get(..64).unwrap_or_default());
            // SAFETY: exits the child at once, without the parent's destructors.
            unsafe { libc::_exit(c_int::from(written.is_err())) };
        }
        drop(writer);
        let mut seen = Vec::new();
        reader.read_to_end(&mut seen).unwrap();
        waitpid(Pid::from_raw(child), WaitOptions::empty()).unwrap();
        seen
    }

    #[test]
    fn forked_child_reads_nothing() {
        for (backing, mut pages) in kinds() {
            bytes(&mut pages).fill(7);
            let seen = read_in_child(&mut pages);
            match backing {
                Backing::MemfdSecret => assert_eq!(seen, b""),
                Backing::Locked => assert_eq!(seen, [0; 64]),
            }
            assert!(bytes(&mut pages).iter().all(|byte| *byte == 7), "the parent's pages changed");
        }
    }

    #[test]
    fn oversized_mapping_fails() {
        for backing in [Backing::MemfdSecret, Backing::Locked] {
            assert!(Pages::map(backing, usize::MAX & !(PAGES - 1)).is_err());
        }
    }
}
