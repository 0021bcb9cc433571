//! The host's configuration, the same for each run.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use far_capability::VersionSelector;
use zeroize::Zeroizing;

use super::Declaration;
use crate::http::{Error as HttpError, Response};
use crate::secrets::{Error, Operation};

/// The default lifetime of a value.
const LIFETIME: Duration = Duration::from_mins(5);

#[derive(Clone)]
pub(super) struct Plan {
    pub(super) declaration: Declaration,
    pub(super) secrets: BTreeMap<String, SecretPlan>,
    pub(super) task_id: String,
    pub(super) agent_id: String,
    pub(super) time_left: Duration,
    /// The results of requests, in order.
    pub(super) responses: VecDeque<Result<Response, HttpError>>,
}

/// The grant of one secret, and its versions in the backend.
#[derive(Clone)]
pub(super) struct SecretPlan {
    pub(super) is_granted: bool,
    /// The granted operations, or `None` for all that are declared.
    pub(super) operations: Option<Vec<Operation>>,
    /// Granted versions besides the current one.
    pub(super) versions: Vec<String>,
    pub(super) max_uses: Option<u32>,
    /// True if each request to the destinations' hosts must carry the secret.
    pub(super) only_sealed: bool,
    pub(super) current: Option<Value>,
    pub(super) previous: Vec<Value>,
    /// Versions that become current, one at each refresh.
    pub(super) next: Vec<Value>,
    /// The error of each request for a handle.
    pub(super) get_error: Option<Error>,
    /// The error of each use of a handle.
    pub(super) use_error: Option<Error>,
    pub(super) lifetime: Duration,
}

/// One version of a secret, wiped on drop.
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

impl Default for SecretPlan {
    fn default() -> Self {
        Self {
            is_granted: true,
            operations: None,
            versions: Vec::new(),
            max_uses: None,
            only_sealed: false,
            current: None,
            previous: Vec::new(),
            next: Vec::new(),
            get_error: None,
            use_error: None,
            lifetime: LIFETIME,
        }
    }
}

impl SecretPlan {
    pub(super) fn value(&self, version: &VersionSelector) -> Result<&Value, Error> {
        if let Some(error) = self.get_error {
            return Err(error);
        }
        match version {
            VersionSelector::Current => self.current.as_ref().ok_or(Error::NotFound),
            VersionSelector::Exactly(version) => {
                let known = self.current.iter().chain(&self.previous);
                known.into_iter().find(|value| value.version == version.as_str()).ok_or(Error::VersionGone)
            }
        }
    }
}
