//! Where the sockets of an agent's processes are, and what they are called.

use std::os::fd::{AsFd, AsRawFd};
use std::path::PathBuf;

use far_core::AgentId;
use far_files::PrivateDir;

use crate::messages::control::ControlError;

/// What stands before the name of a socket that nobody listens on yet.
const NEW: &str = "new-";
/// What stands before the name of one that somebody does.
const PROCESS: &str = "process-";

/// The folder of one agent: others' processes are not asked.
pub(crate) struct Place(PathBuf);

impl Place {
    /// Below the folder of what the next run must know.
    pub(crate) fn of(state: Option<PathBuf>, agent_id: &AgentId) -> Result<Self, ControlError> {
        let state = state.ok_or(ControlError::Nowhere)?;
        // A name has no '~': no two agents have one folder.
        Ok(Self(state.join("control").join(agent_id.as_str().replace('/', "~"))))
    }

    /// For a process that is to listen: made if it is not there.
    pub(super) fn make(&self) -> Result<Folder, ControlError> {
        Ok(Folder(PrivateDir::create_all(&self.0)?))
    }

    /// For who asks; none if no process ever listened.
    pub(super) fn open(&self) -> Result<Option<Folder>, ControlError> {
        match PrivateDir::open(&self.0) {
            Err(error) if error.is_missing() => Ok(None),
            opened => Ok(Some(Folder(opened?))),
        }
    }
}

/// The folder, held open.
pub(super) struct Folder(pub(super) PrivateDir);

impl Folder {
    /// Where a socket is, for the kernel, whose addresses are short, and to whom the folder's own path may by now be another's.
    pub(super) fn address(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}/{name}", self.0.as_fd().as_raw_fd()))
    }

    /// The sockets that processes listen on, or did when they were killed.
    pub(super) fn sockets(&self) -> Vec<Socket> {
        let mut sockets: Vec<_> = self.0.names(PROCESS).into_iter().filter_map(Socket::parse).collect();
        sockets.sort_by(|one, other| (one.process, &one.name).cmp(&(other.process, &other.name)));
        sockets
    }
}

/// A socket's name, which says whose it is.
pub(super) struct Socket {
    pub(super) name: String,
    pub(super) process: u32,
}

impl Socket {
    /// A name that there was not before: numbers of processes are given out again.
    pub(super) fn own() -> Result<Self, getrandom::Error> {
        let mut bits = [0_u8; 8];
        getrandom::fill(&mut bits)?;
        let process = std::process::id();
        Ok(Self { name: format!("{PROCESS}{process}-{:016x}", u64::from_be_bytes(bits)), process })
    }

    /// What it is called until somebody listens on it. Who finds it before would take its process for a dead one.
    pub(super) fn before(&self) -> String {
        format!("{NEW}{}", self.name)
    }

    fn parse(name: String) -> Option<Self> {
        let (process, random) = name.strip_prefix(PROCESS)?.split_once('-')?;
        let is_random = random.len() == 16 && random.bytes().all(|byte| byte.is_ascii_hexdigit());
        let process = process.parse().ok().filter(|_| is_random)?;
        Some(Self { name, process })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_agents_have_one_folder() {
        let place = |agent| Place::of(Some("/s".into()), &AgentId::parse(agent).unwrap()).unwrap().0;
        assert_eq!(place("far-agent-7"), PathBuf::from("/s/control/far-agent-7"));
        assert_eq!(place("a/b"), PathBuf::from("/s/control/a~b"));
        assert!(matches!(Place::of(None, &AgentId::parse("a").unwrap()), Err(ControlError::Nowhere)));
    }

    #[test]
    fn a_name_is_a_processs_or_nobodys() {
        let own = Socket::own().unwrap();
        assert_eq!(Socket::parse(own.name.clone()).map(|socket| socket.process), Some(std::process::id()));
        for name in ["process-1", "process-1-", "process-x-0123456789abcdef", "process-1-0123", "key", &own.before()] {
            assert!(Socket::parse(name.to_owned()).is_none(), "{name}");
        }
    }
}
