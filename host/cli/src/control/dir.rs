//! The folder and the names of control sockets.

use std::os::fd::{AsFd, AsRawFd};
use std::path::PathBuf;

use far_core::AgentId;
use far_files::PrivateDir;

use crate::messages::control::ControlError;

/// The prefix of a socket before its process listens.
const PENDING_PREFIX: &str = "new-";
/// The prefix of a listening socket.
const PROCESS_PREFIX: &str = "process-";

/// The path of the folder for an agent.
pub(crate) struct ControlDir(PathBuf);

impl ControlDir {
    /// Returns the path below the state folder.
    pub(crate) fn new(state: Option<PathBuf>, agent_id: &AgentId) -> Result<Self, ControlError> {
        let state = state.ok_or(ControlError::Nowhere)?;
        // Names have no '~', so every agent has a separate folder.
        Ok(Self(state.join("control").join(agent_id.as_str().replace('/', "~"))))
    }

    /// Opens the folder for a listening process, and creates it if missing.
    pub(super) fn create(&self) -> Result<OpenControlDir, ControlError> {
        Ok(OpenControlDir(PrivateDir::create_all(&self.0)?))
    }

    /// Opens the folder for a client. Returns `None` if no process ever listened.
    pub(super) fn open(&self) -> Result<Option<OpenControlDir>, ControlError> {
        match PrivateDir::open(&self.0) {
            Err(error) if error.is_missing() => Ok(None),
            opened => Ok(Some(OpenControlDir(opened?))),
        }
    }
}

/// An open folder.
pub(super) struct OpenControlDir(pub(super) PrivateDir);

impl OpenControlDir {
    /// Returns the address of a socket by way of the open folder. The path of the folder may be too
    /// long, and may refer to another folder by now.
    pub(super) fn address(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}/{name}", self.0.as_fd().as_raw_fd()))
    }

    /// Returns the sockets of running and killed processes.
    pub(super) fn sockets(&self) -> Vec<Socket> {
        let mut sockets: Vec<_> = self.0.names(PROCESS_PREFIX).into_iter().filter_map(Socket::parse).collect();
        sockets.sort_by(|one, other| (one.process, &one.name).cmp(&(other.process, &other.name)));
        sockets
    }
}

/// The name of a socket, which contains its process ID.
pub(super) struct Socket {
    pub(super) name: String,
    pub(super) process: u32,
}

impl Socket {
    /// Returns a unique name. Process IDs are reused, so the name has a random part.
    pub(super) fn generate() -> Result<Self, getrandom::Error> {
        let mut bits = [0_u8; 8];
        getrandom::fill(&mut bits)?;
        let process = std::process::id();
        Ok(Self { name: format!("{PROCESS_PREFIX}{process}-{:016x}", u64::from_be_bytes(bits)), process })
    }

    /// Returns the name before the process listens. Clients would take a socket without a listener
    /// for a dead process.
    pub(super) fn pending_name(&self) -> String {
        format!("{PENDING_PREFIX}{}", self.name)
    }

    fn parse(name: String) -> Option<Self> {
        let (process, random) = name.strip_prefix(PROCESS_PREFIX)?.split_once('-')?;
        let is_random = random.len() == 16 && random.bytes().all(|byte| byte.is_ascii_hexdigit());
        let process = process.parse().ok().filter(|_| is_random)?;
        Some(Self { name, process })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_have_separate_folders() {
        let path = |agent| ControlDir::new(Some("/s".into()), &AgentId::parse(agent).unwrap()).unwrap().0;
        assert_eq!(path("far-agent-7"), PathBuf::from("/s/control/far-agent-7"));
        assert_eq!(path("a/b"), PathBuf::from("/s/control/a~b"));
        assert!(matches!(ControlDir::new(None, &AgentId::parse("a").unwrap()), Err(ControlError::Nowhere)));
    }

    #[test]
    fn only_listening_names_are_parsed() {
        let own = Socket::generate().unwrap();
        assert_eq!(Socket::parse(own.name.clone()).map(|socket| socket.process), Some(std::process::id()));
        for name in
            ["process-1", "process-1-", "process-x-0123456789abcdef", "process-1-0123", "key", &own.pending_name()]
        {
            assert!(Socket::parse(name.to_owned()).is_none(), "{name}");
        }
    }
}
