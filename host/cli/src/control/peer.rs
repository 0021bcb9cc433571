//! Who is at the other end of a socket.

use std::os::fd::AsFd;

use rustix::net::sockopt::socket_peercred;
use rustix::process::{Uid, geteuid};

/// Whether it is this process's user, or root, as the kernel says.
pub(super) fn is_trusted(socket: impl AsFd) -> bool {
    socket_peercred(socket).is_ok_and(|peer| may_ask(peer.uid, geteuid()))
}

fn may_ask(peer: Uid, own: Uid) -> bool {
    peer == own || peer == Uid::ROOT
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn the_same_user_and_root_may_ask_and_nobody_else() {
        let [own, other] = [1000, 1001].map(Uid::from_raw);
        assert!(may_ask(own, own) && may_ask(Uid::ROOT, own));
        assert!(!may_ask(other, own) && !may_ask(own, Uid::ROOT));
        let (one, _other) = UnixStream::pair().unwrap();
        assert!(is_trusted(&one));
        assert!(!is_trusted(std::fs::File::open("/dev/null").unwrap()), "no socket at all");
    }
}
