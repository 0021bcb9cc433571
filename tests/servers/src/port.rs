//! Free ports.

use std::net::{Ipv4Addr, TcpListener};

use crate::failure::{Failure, OrFailure};

/// The attempts to start a server if another process takes its port.
const ATTEMPTS: usize = 8;

/// Starts a server on a free port whose next port is free too. Another process may take one of them
/// in between; the start is then retried.
pub(crate) fn on_free<T>(start: impl Fn(u16) -> Result<T, Failure>) -> Result<T, Failure> {
    let mut failure = Failure::new("no free port");
    for _ in 0..ATTEMPTS {
        match start(pair()?) {
            Err(error) if is_port_taken(&error) => failure = error,
            result => return result,
        }
    }
    Err(failure)
}

/// Returns a free port whose next port is free too.
fn pair() -> Result<u16, Failure> {
    let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let mut tried = Vec::new();
    for _ in 0..64 {
        let one = bind(0).or_failure("listen on a port of loopback")?;
        let port = one.local_addr().or_failure("read the address of a listener")?.port();
        if port.checked_add(1).is_some_and(|next| bind(next).is_ok()) {
            return Ok(port);
        }
        // Kept open, so that the next attempt gets another port.
        tried.push(one);
    }
    Err(Failure::new("no two consecutive free ports"))
}

/// Returns true if a server reports that its port is in use.
fn is_port_taken(failure: &Failure) -> bool {
    failure.what().to_ascii_lowercase().contains("address already in use")
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn only_taken_port_is_retried() {
        let tries = Cell::new(0);
        let started = on_free(|port| {
            tries.set(tries.get() + 1);
            if tries.get() < 3 { Err(Failure::new("bind: address already in use")) } else { Ok(port) }
        });
        assert_eq!((started.is_ok(), tries.get()), (true, 3));
        let failed = on_free::<()>(|_| {
            tries.set(0);
            Err(Failure::new("it broke"))
        });
        assert_eq!((failed.unwrap_err().what(), tries.get()), ("it broke", 0));
    }

    #[test]
    fn exhausted_attempts_return_last_error() {
        let failed = on_free::<()>(|_| Err(Failure::new("Address already in use")));
        assert_eq!(failed.unwrap_err().what(), "Address already in use");
    }
}
