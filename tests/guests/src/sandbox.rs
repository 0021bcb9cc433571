//! Steps that try what a sandbox must not give, or more of it than it may.

use std::hint::black_box;
use std::net::{TcpStream, ToSocketAddrs};
use std::{env, fs};

use serde_json::{Value, json};

/// Looks for anything of the machine; in an inert sandbox every count is zero and nothing works.
pub(crate) fn found(address: &str) -> Value {
    json!({
        "variables": env::vars_os().count(),
        "arguments": env::args_os().count(),
        "reads-root": fs::read_dir("/").is_ok(),
        "opens-file": fs::File::open("/etc/passwd").is_ok(),
        "connects": TcpStream::connect(address).is_ok(),
        "resolves": ("localhost", 1).to_socket_addrs().is_ok_and(|mut addresses| addresses.next().is_some()),
    })
}

pub(crate) fn spin() -> ! {
    loop {
        black_box(());
    }
}

/// Allocates, and touches every page, so that the memory is used and not just promised.
pub(crate) fn allocate(mib: usize) -> usize {
    let mut memory = vec![0_u8; mib << 20];
    for byte in memory.iter_mut().step_by(4096) {
        *byte = 1;
    }
    black_box(memory).len()
}

/// How often a text stands anywhere in linear memory.
#[expect(unsafe_code, reason = "to look where no value of this program is")]
pub fn scan(masked: &[u8]) -> usize {
    let bytes = core::arch::wasm32::memory_size(0) * 65_536 - 1;
    // SAFETY: all of linear memory can be read, whatever is there; the first byte is left out, since no pointer is null.
    let memory = unsafe { std::slice::from_raw_parts(black_box(1) as *const u8, bytes) };
    let is_there = |window: &&[u8]| window.iter().zip(masked).all(|(byte, masked)| *byte == !*masked);
    memory.windows(masked.len().max(1)).filter(is_there).count()
}

/// Never returns: each call needs stack that the next one is still to be called from.
#[expect(unconditional_recursion, reason = "to use up the stack")]
pub(crate) fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 16]);
    let deepest = recurse(black_box(depth + 1));
    deepest + black_box(frame)[0]
}
