//! The sandbox of a compiler process, which the process enters before it reads the component.

use std::collections::BTreeMap;
use std::io;
use std::thread;

use libc::c_long;
use rustix::process::{Resource, Rlimit, Signal, getppid, getrlimit, set_parent_process_death_signal, setrlimit};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

use super::args::ChildArgs;

/// System calls of a compiler: memory, threads, clocks, and its three open files.
const ALLOWED: [c_long; 28] = [
    libc::SYS_brk,
    libc::SYS_clock_gettime,
    libc::SYS_close,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_fstat,
    libc::SYS_futex,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_gettid,
    libc::SYS_lseek,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_nanosleep,
    libc::SYS_clock_nanosleep,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    libc::SYS_sigaltstack,
    libc::SYS_sysinfo,
];

/// Address space beyond the data limit, in bytes: the program, and reservations of its allocator.
const RESERVED: u64 = 2 << 30;

/// Limits this process, permanently. Call it before the process has a second thread.
///
/// Any other system call fails with ENOSYS.
pub(super) fn enter(args: &ChildArgs) -> io::Result<()> {
    let limits = &args.limits;
    // The kernel kills the compiler with its host. The host may also have died before this call.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let parent = getppid().map_or(0, |parent| parent.as_raw_nonzero().get());
    if u32::try_from(parent).ok() != Some(args.host) {
        return Err(io::Error::other("the host has exited"));
    }
    let processors = thread::available_parallelism().map_or(1, |number| number.get() as u64);
    let seconds = limits.timeout.as_secs().saturating_add(1).saturating_mul(processors).min(u64::MAX - 1);
    // The soft limit sends SIGXCPU, which identifies the cause; the hard limit sends SIGKILL.
    let hard = getrlimit(Resource::Cpu).maximum.map_or(seconds + 1, |maximum| maximum.min(seconds + 1));
    setrlimit(Resource::Cpu, Rlimit { current: Some(seconds.min(hard)), maximum: Some(hard) })?;
    limit(Resource::Data, limits.memory)?;
    // The allocator reserves more address space than it uses. The data limit counts its use.
    limit(Resource::As, limits.memory.saturating_mul(2).saturating_add(RESERVED))?;
    limit(Resource::Fsize, limits.memory)?;
    limit(Resource::Core, 0)?;
    limit(Resource::Nofile, 3)?;
    let filter = filter().map_err(io::Error::other)?;
    seccompiler::apply_filter(&filter).map_err(io::Error::other)
}

/// Lowers a limit. A lower limit stays.
fn limit(resource: Resource, max: u64) -> io::Result<()> {
    let max = getrlimit(resource).maximum.map_or(max, |maximum| maximum.min(max));
    Ok(setrlimit(resource, Rlimit { current: Some(max), maximum: Some(max) })?)
}

fn filter() -> Result<BpfProgram, seccompiler::Error> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = ALLOWED.into_iter().map(|call| (call, Vec::new())).collect();
    // Private memory only: shared memory does not count toward the data limit.
    let kind = u64::try_from(libc::MAP_TYPE).unwrap_or_default();
    let private = u64::try_from(libc::MAP_PRIVATE).unwrap_or_default();
    rules.insert(libc::SYS_mmap, vec![where_masked(3, kind, private)?]);
    // Threads only. A filter cannot read the flags of `clone3`, which are in memory. Libraries fall
    // back to `clone` if it is missing.
    let thread = u64::try_from(libc::CLONE_THREAD).unwrap_or_default();
    rules.insert(libc::SYS_clone, vec![where_masked(0, thread, thread)?]);
    // The process can read its limits, but not raise them.
    rules.insert(libc::SYS_prlimit64, vec![where_masked(2, u64::MAX, 0)?]);
    rules.insert(libc::SYS_prctl, vec![equal(0, u64::try_from(libc::PR_SET_NAME).unwrap_or_default())?]);
    // Signals to this process, for `abort`.
    rules.insert(libc::SYS_tgkill, vec![equal(0, std::process::id().into())?]);
    // Only the three standard files, even if a shell leaked others.
    rules.insert(libc::SYS_read, vec![equal(0, 0)?]);
    for call in [libc::SYS_write, libc::SYS_writev] {
        rules.insert(call, vec![equal(0, 1)?, equal(0, 2)?]);
    }
    let missing = SeccompAction::Errno(u32::try_from(libc::ENOSYS).unwrap_or_default());
    let filter = SeccompFilter::new(rules, missing, SeccompAction::Allow, std::env::consts::ARCH.try_into()?)?;
    Ok(filter.try_into()?)
}

/// Allows calls with this value of a 32-bit argument.
fn equal(argument: u8, value: u64) -> Result<SeccompRule, seccompiler::BackendError> {
    SeccompRule::new(vec![SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)?])
}

/// Allows calls whose masked argument has this value.
fn where_masked(argument: u8, mask: u64, value: u64) -> Result<SeccompRule, seccompiler::BackendError> {
    let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Qword, SeccompCmpOp::MaskedEq(mask), value)?;
    SeccompRule::new(vec![condition])
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::net::UdpSocket;
    use std::process::Command;

    use super::*;

    /// Runs a function on a new thread with the filter, since a filter applies to a thread.
    fn filtered<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
        let filter = filter().unwrap();
        let thread = thread::spawn(move || {
            seccompiler::apply_filter(&filter).unwrap();
            run()
        });
        thread.join().unwrap()
    }

    #[test]
    fn memory_and_threads_are_allowed() {
        let sum = filtered(|| {
            let large = vec![1_u8; 64 << 20];
            let half = thread::spawn(move || large.iter().map(|byte| usize::from(*byte)).sum::<usize>());
            half.join().unwrap()
        });
        assert_eq!(sum, 64 << 20);
    }

    #[test]
    fn files_sockets_and_processes_are_refused() {
        let missing = Some(libc::ENOSYS);
        let (file, socket, process, kill, limit) = filtered(|| {
            let limit = Rlimit { current: None, maximum: None };
            (
                File::open("/dev/null").map(drop).map_err(|error| error.raw_os_error()),
                UdpSocket::bind("127.0.0.1:0").map(drop).map_err(|error| error.raw_os_error()),
                Command::new("/bin/true").spawn().map(drop).map_err(|error| error.raw_os_error()),
                rustix::process::test_kill_process(rustix::process::getpid())
                    .map_err(|error| Some(error.raw_os_error())),
                setrlimit(Resource::Core, limit).map_err(|error| Some(error.raw_os_error())),
            )
        });
        for refused in [file, socket, process, kill, limit] {
            assert_eq!(refused, Err(missing));
        }
    }
}
