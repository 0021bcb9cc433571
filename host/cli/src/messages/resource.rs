//! The resources that a machine may lack.

/// A resource that the machine does not have, or that its limits keep from the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lacking {
    /// File descriptors.
    Descriptors,
    /// Threads.
    Threads,
    /// Address space.
    Memory,
    /// Room in a file.
    FileSize,
}

impl Lacking {
    /// Names the resource.
    pub(super) fn name(self) -> &'static str {
        self.texts().0
    }

    /// Returns the next step.
    pub(super) fn help(self) -> &'static str {
        self.texts().1
    }

    fn texts(self) -> (&'static str, &'static str) {
        match self {
            Self::Descriptors => ("file descriptors", "raise the limit on open files ('ulimit -n'): 64 is enough"),
            Self::Threads => {
                ("threads", "raise the limits on processes: 'ulimit -u', and pids.max of the control group")
            }
            Self::FileSize => ("file size", "raise the limit on file sizes ('ulimit -f') to 16 MiB or more"),
            Self::Memory => {
                ("address space", "raise the limits on memory ('ulimit -v', 'ulimit -d'), or lift them: 'unlimited'")
            }
        }
    }
}
