//! Conversion of engine errors to the ends of tasks.

use wasmtime::Trap;
use wasmtime::component::ResourceTableError;
use wasmtime_wasi::I32Exit;
use wasmtime_wasi_http::FieldMapError;

use crate::limits::{Limit, StoreUsage, is_os_error};
use crate::task::End;

/// Messages of engine errors for limits, by their beginning or end. The engine has no types for
/// them; tests check the messages.
const MESSAGES: [(&str, Limit); 6] = [
    ("too much data is being copied between the host and the guest", Limit::Argument),
    ("store handle limit exceeded", Limit::Handles),
    ("requested len ", Limit::RandomBytes),
    ("Buffer too large for blocking-write", Limit::BlockingWrite),
    ("cannot write more zeroes than `check_write` allows", Limit::StreamWrite),
    ("write exceeded budget", Limit::StreamWrite),
];
/// The beginning of the engine's message for an access out of bounds.
const FAULT: &str = "memory fault at wasm address 0x";
/// The range around address 0 that a stack overflow reaches, in bytes: a frame below 0, and its
/// data.
const BELOW_ZERO: u64 = 16 << 20;
const ABOVE_ZERO: u64 = 64 << 10;
/// The size of a 32-bit address space.
const WRAP: u64 = 1 << 32;

/// Returns the end of a task for an error of the engine.
pub(crate) fn end_of_error(error: &wasmtime::Error, usage: &StoreUsage) -> End {
    if let Some(limit) = limit_of(error) {
        return End::LimitExceeded(limit);
    }
    if error.downcast_ref::<Trap>() == Some(&Trap::Interrupt) {
        return End::TimedOut;
    }
    // A guest that traps after a failed allocation most likely traps because of it.
    if usage.out_of_memory || is_os_error(error) {
        return End::HostError;
    }
    if let Some(limit) = usage.refused {
        return End::LimitExceeded(limit);
    }
    End::Trapped(describe(error))
}

fn limit_of(error: &wasmtime::Error) -> Option<Limit> {
    if let Some(limit) = error.downcast_ref::<Limit>() {
        return Some(*limit);
    }
    if error.downcast_ref::<Trap>() == Some(&Trap::StackOverflow) {
        return Some(Limit::Stack);
    }
    let cause = error.root_cause();
    if let Some(FieldMapError::TooManyFields | FieldMapError::TotalSizeTooBig) = cause.downcast_ref() {
        return Some(Limit::Headers);
    }
    if let Some(ResourceTableError::Full) = cause.downcast_ref() {
        return Some(Limit::Handles);
    }
    let words = cause.to_string();
    let known = MESSAGES.iter().find(|(known, _)| words.starts_with(known) || words.ends_with(known));
    known.map(|(_, limit)| *limit)
}

/// Describes a trap in the engine's words, without guest-supplied strings.
fn describe(error: &wasmtime::Error) -> String {
    match error.downcast_ref::<Trap>() {
        Some(Trap::MemoryOutOfBounds) if is_below_zero(error) => format!(
            "{}, at an address that in 32 bits is just below 0: most likely its own stack overflowed, by deep recursion",
            Trap::MemoryOutOfBounds
        ),
        Some(trap) => trap.to_string(),
        None if error.is::<I32Exit>() => "the skill called 'exit'".to_owned(),
        None => "the engine stopped the skill".to_owned(),
    }
}

/// Returns true if an access was just below address 0. Toolchains such as Rust's put the stack at
/// the beginning of memory, growing downward. The host cannot tell it from other accesses.
fn is_below_zero(error: &wasmtime::Error) -> bool {
    error.chain().any(|cause| {
        let words = cause.to_string();
        let address = words.strip_prefix(FAULT).and_then(|rest| rest.split_once(' '));
        let address = address.and_then(|(address, _)| u64::from_str_radix(address, 16).ok());
        address.is_some_and(|address| (WRAP - BELOW_ZERO..WRAP + ABOVE_ZERO).contains(&address))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn out_of_bounds(address: &str) -> String {
        let words = format!("{FAULT}{address} in linear memory of size 0x110000");
        describe(&wasmtime::Error::from(Trap::MemoryOutOfBounds).context(words))
    }

    #[test]
    fn access_below_zero_is_explained() {
        let plain = Trap::MemoryOutOfBounds.to_string();
        for address in ["fffffff0", "ff000000", "100000010"] {
            assert!(out_of_bounds(address).contains("most likely its own stack"), "{address}");
        }
        for address in ["110000", "feffffff", "100010000", "1000000000000", "x", ""] {
            assert_eq!(out_of_bounds(address), plain, "{address}");
        }
        assert_eq!(describe(&Trap::MemoryOutOfBounds.into()), plain);
    }
}
