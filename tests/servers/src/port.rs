//! Ports that nobody has.

use std::net::{Ipv4Addr, TcpListener};

use crate::failure::{Failure, OrFailure};

/// How often a server is started again because somebody was quicker to take its port.
const TRIES: usize = 8;

/// Starts a server on a port that is free, as is the next one. Between here and there somebody else may take one of them: what
/// then fails is tried again.
pub(crate) fn on_free<T>(start: impl Fn(u16) -> Result<T, Failure>) -> Result<T, Failure> {
    let mut failure = Failure::new("no port is free");
    for _ in 0..TRIES {
        match start(pair()?) {
            Err(taken) if is_taken(&taken) => failure = taken,
            ended => return ended,
        }
    }
    Err(failure)
}

/// A port, with the one after it.
fn pair() -> Result<u16, Failure> {
    let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let mut tried = Vec::new();
    for _ in 0..64 {
        let one = bind(0).or_failure("listen on a port of loopback")?;
        let port = one.local_addr().or_failure("see which port it is")?.port();
        if port.checked_add(1).is_some_and(|next| bind(next).is_ok()) {
            return Ok(port);
        }
        // Held, so that the next one is another.
        tried.push(one);
    }
    Err(Failure::new("no two ports in a row are free"))
}

/// Whether a server says that it could not have its port.
fn is_taken(failure: &Failure) -> bool {
    failure.what().to_ascii_lowercase().contains("address already in use")
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_port_that_was_taken_meanwhile_is_tried_again_and_nothing_else_is() {
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
    fn who_is_always_too_late_is_told_why() {
        let failed = on_free::<()>(|_| Err(Failure::new("Address already in use")));
        assert_eq!(failed.unwrap_err().what(), "Address already in use");
    }
}
