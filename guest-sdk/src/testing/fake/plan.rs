//! What a test says of the host, the same for each of its runs.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use zeroize::Zeroizing;

use super::destination::Target;
use super::{Declaration, DeclaredSecret, Denial, Jwt};
use crate::http::{self, Response};
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
    pub(super) answers: VecDeque<Result<Response, http::Error>>,
}

/// One thing that a task wants to do (`capability::Access`).
pub(super) struct Access<'a> {
    pub(super) name: &'a str,
    /// The version that was asked for by name.
    pub(super) version: Option<&'a str>,
    pub(super) purpose: Purpose<'a>,
    /// Whether it is not with the secret itself, but with a token that it signed.
    pub(super) derived: bool,
}

/// What a secret is wanted for (`capability::Purpose`).
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose<'a> {
    Get,
    /// A stand-in.
    Token,
    /// To be put into this request, where a stand-in stood; none where no secret stands.
    Seal(&'a Target, Option<&'a str>),
    Sign,
    SignJwt,
    Reveal,
    Refresh,
}

impl Purpose<'_> {
    /// The operation that it needs; none for a handle, which needs any.
    fn operation(self) -> Option<Operation> {
        match self {
            Self::Get => None,
            Self::Token | Self::Seal(..) => Some(Operation::Seal),
            Self::Sign | Self::SignJwt => Some(Operation::Sign),
            Self::Reveal => Some(Operation::Reveal),
            Self::Refresh => Some(Operation::Refresh),
        }
    }
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
    /// What is both declared and granted, in the declaration's order.
    pub(super) fn operations(&self, declared: &DeclaredSecret) -> Vec<Operation> {
        let is_granted =
            |operation: &Operation| self.operations.as_ref().is_none_or(|granted| granted.contains(operation));
        declared.operations.iter().copied().filter(is_granted).collect()
    }

    pub(super) fn value(&self, version: Option<&str>) -> Result<&Value, Error> {
        if let Some(error) = self.failing {
            return Err(error);
        }
        match version {
            None => self.current.as_ref().ok_or(Error::NotFound),
            Some(version) => {
                let known = self.current.iter().chain(&self.old);
                known.into_iter().find(|value| value.version == version).ok_or(Error::VersionGone)
            }
        }
    }
}

impl Plan {
    /// What is in the way of the first required secret that is not granted as it is declared (`Capability::gaps`).
    pub(super) fn gap(&self) -> Option<Denial> {
        let required = self.declaration.secrets.iter().filter(|declared| !declared.optional);
        required.into_iter().find_map(|declared| match self.granted(declared.name) {
            None => Some(Denial::ungranted(declared, None)),
            Some(granted) => {
                let operations = granted.operations(declared);
                let lacking = declared.operations.iter().find(|operation| !operations.contains(operation))?;
                Some(Denial::operation(declared, Some(*lacking)))
            }
        })
    }

    pub(super) fn granted(&self, name: &str) -> Option<&Planned> {
        self.secrets.get(name).filter(|planned| planned.is_granted)
    }

    /// The secrets that a request must carry, granted or not (`Capability::demanded`).
    pub(super) fn demanded(&self, target: &Target) -> Vec<&'static str> {
        let is_demanded = |declared: &&DeclaredSecret| {
            self.secrets.get(declared.name).is_some_and(|planned| planned.only_sealed)
                && declared.destinations.iter().any(|destination| target.is_of_host(destination))
        };
        self.declaration.secrets.iter().filter(is_demanded).map(|declared| declared.name).collect()
    }

    /// What is said of the tokens that a secret signs, if it may.
    pub(super) fn tokens(&self, name: &str) -> Option<Jwt> {
        let declared = self.declaration.get(name)?;
        let signs = self.granted(name)?.operations(declared).contains(&Operation::Sign);
        declared.tokens.filter(|_| signs)
    }

    /// Whether the task may do this (`Capability::check`).
    pub(super) fn check(&self, access: &Access<'_>) -> Result<&Planned, Denial> {
        let &Access { name, version, purpose, .. } = access;
        let operation = purpose.operation();
        let declared = self.declaration.get(name).ok_or_else(|| Denial::undeclared(name, operation))?;
        let granted = self.granted(name).ok_or_else(|| Denial::ungranted(declared, operation))?;
        let operations = granted.operations(declared);
        let has_operation = operation.map_or(!operations.is_empty(), |operation| operations.contains(&operation));
        if !has_operation {
            return Err(Denial::operation(declared, operation));
        }
        if let Some(denial) = against_key(declared, access) {
            return Err(denial);
        }
        if let Some(version) = version.filter(|version| !granted.versions.iter().any(|covered| covered == version)) {
            return Err(Denial::version(name, version, operation));
        }
        match purpose {
            Purpose::Seal(target, _) if !declared.destinations.iter().any(|covering| target.is_within(covering)) => {
                Err(Denial::destination(declared, target))
            }
            Purpose::Seal(_, place) if place.is_none_or(|place| !declared.placements.contains(&place)) => {
                Err(Denial::placement(declared, place))
            }
            _ => Ok(granted),
        }
    }
}

/// What stands against a use for the kind of key that the secret is (`Permit::against_key`).
fn against_key(declared: &DeclaredSecret, access: &Access<'_>) -> Option<Denial> {
    let (name, operation, signs_tokens) = (access.name, access.purpose.operation(), declared.tokens.is_some());
    match (access.purpose, access.derived) {
        (Purpose::Sign | Purpose::SignJwt | Purpose::Refresh, true) => Some(Denial::of_token(name, operation)),
        (Purpose::Sign, false) if signs_tokens => Some(Denial::signing(declared)),
        (Purpose::SignJwt, false) if !signs_tokens => Some(Denial::signing(declared)),
        (Purpose::Token | Purpose::Seal(..) | Purpose::Reveal, false) if signs_tokens => {
            Some(Denial::signing_key(name, operation))
        }
        _ => None,
    }
}

/// 1 to 128 of `a-z 0-9 . _ - /`, first and last alphanumeric, no `..`, no `//` (`far_core::name::check`).
pub(super) fn is_name(text: &str) -> bool {
    let is_name_byte = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b'/');
    let is_edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    text.len() <= 128
        && text.bytes().all(is_name_byte)
        && is_edge(text.bytes().next())
        && is_edge(text.bytes().next_back())
        && !text.contains("..")
        && !text.contains("//")
}

/// 1 to 128 visible ASCII characters (`far_core::version::Version`).
pub(super) fn is_version(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}
