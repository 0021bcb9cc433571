//! What a test says of the host, the same for each of its runs.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use far_capability::VersionSelector;
use zeroize::Zeroizing;

use super::Declaration;
use crate::http::{Error as HttpError, Response};
use crate::secrets::{Error, Operation};

/// How long a value lives where the test does not say.
const LIFETIME: Duration = Duration::from_mins(5);

#[derive(Clone)]
pub(super) struct Plan {
    pub(super) declaration: Declaration,
    pub(super) secrets: BTreeMap<String, Planned>,
    pub(super) task_id: String,
    pub(super) agent_id: String,
    pub(super) time_left: Duration,
    /// What servers answer, in turn.
    pub(super) answers: VecDeque<Result<Response, HttpError>>,
}

/// One secret's grant, and what the backend has of it.
#[derive(Clone)]
pub(super) struct Planned {
    pub(super) is_granted: bool,
    /// All that is declared, if none.
    pub(super) operations: Option<Vec<Operation>>,
    /// Which versions may be asked for besides the current one.
    pub(super) versions: Vec<String>,
    pub(super) max_uses: Option<u32>,
    /// Whether nothing goes to its destinations' hosts without it.
    pub(super) only_sealed: bool,
    pub(super) current: Option<Value>,
    pub(super) old: Vec<Value>,
    /// What becomes current with each refresh.
    pub(super) later: Vec<Value>,
    /// Why there is no handle.
    pub(super) failing: Option<Error>,
    /// Why a handle gives nothing.
    pub(super) ended: Option<Error>,
    pub(super) lifetime: Duration,
}

/// One version of a secret; its bytes are wiped when it is dropped.
#[derive(Clone)]
pub(super) struct Value {
    pub(super) version: String,
    pub(super) bytes: Zeroizing<Vec<u8>>,
}

impl Value {
    pub(super) fn new(version: impl Into<String>, bytes: impl AsRef<[u8]>) -> Self {
        Self { version: version.into(), bytes: Zeroizing::new(bytes.as_ref().to_vec()) }
    }
}

impl Default for Planned {
    fn default() -> Self {
        Self {
            is_granted: true,
            operations: None,
            versions: Vec::new(),
            max_uses: None,
            only_sealed: false,
            current: None,
            old: Vec::new(),
            later: Vec::new(),
            failing: None,
            ended: None,
            lifetime: LIFETIME,
        }
    }
}

impl Planned {
    pub(super) fn value(&self, version: &VersionSelector) -> Result<&Value, Error> {
        if let Some(error) = self.failing {
            return Err(error);
        }
        match version {
            VersionSelector::Current => self.current.as_ref().ok_or(Error::NotFound),
            VersionSelector::Exactly(version) => {
                let known = self.current.iter().chain(&self.old);
                known.into_iter().find(|value| value.version == version.as_str()).ok_or(Error::VersionGone)
            }
        }
    }
}
