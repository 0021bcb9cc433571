//! A settable wall clock for one process, in place of setting the machine's clock.

use std::sync::atomic::{AtomicI64, Ordering};

/// The seconds by which this process's wall clock is ahead of the machine's.
pub static AHEAD: AtomicI64 = AtomicI64::new(0);

/// Moves the wall clock by these seconds.
pub fn step(seconds: i64) {
    AHEAD.fetch_add(seconds, Ordering::SeqCst);
}

/// Makes a program read its wall clock through [`AHEAD`]. Without it, [`step`] has no effect.
#[macro_export]
macro_rules! settable_wall_clock {
    () => {
        /// Overrides the C library's function: adds [`AHEAD`] to the wall clock.
        ///
        /// # Safety
        ///
        /// The requirements are those of the C library's function.
        #[unsafe(no_mangle)]
        #[expect(unsafe_code, reason = "overrides a function of the C library")]
        pub unsafe extern "C" fn clock_gettime(clock: libc::clockid_t, time: *mut libc::timespec) -> libc::c_int {
            // SAFETY: the caller upholds the requirements of the system call.
            let answer = unsafe { libc::syscall(libc::SYS_clock_gettime, libc::c_long::from(clock), time) };
            if answer == 0 && clock == libc::CLOCK_REALTIME {
                // SAFETY: the kernel has just written there.
                unsafe { (*time).tv_sec += $crate::wall_clock::AHEAD.load(std::sync::atomic::Ordering::SeqCst) };
            }
            i32::try_from(answer).unwrap_or(-1)
        }
    };
}
