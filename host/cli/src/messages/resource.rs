//! Resources that may be exhausted or limited.

/// A resource that is exhausted on the machine, or limited for the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MissingResource {
    /// File descriptors.
    Descriptors,
    /// Threads.
    Threads,
    /// Address space.
    Memory,
    /// Room in a file.
    FileSize,
}

impl MissingResource {
    /// Names the resource.
    pub(super) fn name(self) -> &'static str {
        self.texts().0
    }

    /// Returns the help.
    pub(super) fn help(self) -> &'static str {
        self.texts().1
    }

    fn texts(self) -> (&'static str, &'static str) {
        match self {
            Self::Descriptors => ("file descriptors", "raise the limit on open files ('ulimit -n') to 64 or more"),
            Self::Threads => ("threads", "raise the limits on processes ('ulimit -u', and pids.max of the cgroup)"),
            Self::FileSize => ("file size", "raise the limit on file sizes ('ulimit -f') to 16 MiB or more"),
            Self::Memory => {
                ("address space", "raise the limits on memory ('ulimit -v', 'ulimit -d') or set them to 'unlimited'")
            }
        }
    }
}
