//! The credentials of the peer of a socket.

use std::os::fd::AsFd;

use rustix::net::sockopt::socket_peercred;
use rustix::process::{Uid, geteuid};

/// Returns true if the peer is the user of this process or root, by its kernel credentials.
pub(super) fn is_trusted(socket: impl AsFd) -> bool {
    socket_peercred(socket).is_ok_and(|peer| is_trusted_uid(peer.uid, geteuid()))
}

fn is_trusted_uid(peer: Uid, own: Uid) -> bool {
    peer == own || peer == Uid::ROOT
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn only_same_user_and_root_are_trusted() {
        let [own, other] = [1000, 1001].map(Uid::from_raw);
        assert!(is_trusted_uid(own, own) && is_trusted_uid(Uid::ROOT, own));
        assert!(!is_trusted_uid(other, own) && !is_trusted_uid(own, Uid::ROOT));
        let (one, _other) = UnixStream::pair().unwrap();
        assert!(is_trusted(&one));
        assert!(!is_trusted(std::fs::File::open("/dev/null").unwrap()), "not a socket");
    }
}
