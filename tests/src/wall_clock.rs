//! A wall clock that can be set, for one process: what the machine's owner does to the real one.

use std::sync::atomic::{AtomicI64, Ordering};

/// Seconds that the wall clock of this process is ahead of the machine's.
pub static AHEAD: AtomicI64 = AtomicI64::new(0);

/// Sets the wall clock forward, or back.
pub fn step(seconds: i64) {
    AHEAD.fetch_add(seconds, Ordering::SeqCst);
}

/// Has a program read its clocks through [`AHEAD`]. Without it, [`step`] does nothing.
#[macro_export]
macro_rules! settable_wall_clock {
    () => {
        /// The C library's function, as the standard library calls it: the same answer, but for the wall clock.
        ///
        /// # Safety
        ///
        /// As the C library's.
        #[unsafe(no_mangle)]
        #[expect(unsafe_code, reason = "stands in for a function of the C library")]
        pub unsafe extern "C" fn clock_gettime(clock: libc::clockid_t, time: *mut libc::timespec) -> libc::c_int {
            // SAFETY: the caller's promises are passed on.
            let answer = unsafe { libc::syscall(libc::SYS_clock_gettime, libc::c_long::from(clock), time) };
            if answer == 0 && clock == libc::CLOCK_REALTIME {
                // SAFETY: the kernel has just written there.
                unsafe { (*time).tv_sec += $crate::wall_clock::AHEAD.load(std::sync::atomic::Ordering::SeqCst) };
            }
            i32::try_from(answer).unwrap_or(-1)
        }
    };
}
