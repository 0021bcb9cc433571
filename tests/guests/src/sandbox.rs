//! Steps that probe the limits of the sandbox.

use std::hint::black_box;
use std::net::{TcpStream, ToSocketAddrs};
use std::{env, fs};

use serde_json::{Value, json};

/// Looks for access to the machine. In a sound sandbox each count is zero and each attempt fails.
pub(crate) fn probe(address: &str) -> Value {
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

/// Allocates memory and touches every page, so that it is in use.
pub(crate) fn allocate(mib: usize) -> usize {
    let mut memory = vec![0_u8; mib << 20];
    for byte in memory.iter_mut().step_by(4096) {
        *byte = 1;
    }
    black_box(memory).len()
}

/// Counts the occurrences of a string in linear memory. The string is passed with all bits
/// inverted, so that the search does not find itself.
#[expect(unsafe_code, reason = "to read all of linear memory")]
pub fn scan(masked: &[u8]) -> usize {
    let bytes = core::arch::wasm32::memory_size(0) * 65_536 - 1;
    // SAFETY: all of linear memory is readable. The slice leaves out the first byte, because no
    // reference is null.
    let memory = unsafe { std::slice::from_raw_parts(black_box(1) as *const u8, bytes) };
    let is_there = |window: &&[u8]| window.iter().zip(masked).all(|(byte, masked)| *byte == !*masked);
    memory.windows(masked.len().max(1)).filter(is_there).count()
}

/// Never returns: each call needs stack for the next one.
#[expect(unconditional_recursion, reason = "to use up the stack")]
pub(crate) fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 16]);
    let deepest = recurse(black_box(depth + 1));
    deepest + black_box(frame)[0]
}
