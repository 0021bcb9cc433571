//! The backend of this proof. It holds only the value of the current answer, in heap buffers that
//! it does not wipe, like a client of a server.

use std::hint::black_box;
use std::ops::Range;
use std::panic::panic_any;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use far_core::memory::SecretBytes;
use far_core::provider::{FetchedSecret, ProviderError, Reference, RefreshOutcome, SecretProvider};
use far_core::{ProviderId, Version, VersionSelector};
use far_needle::MaskedValue;

/// A backend with one secret.
pub(crate) struct Backend {
    id: ProviderId,
    state: Mutex<State>,
}

/// The secret and the answers of the backend.
struct State {
    secret: Option<MaskedValue>,
    /// The value that replaces the secret at the next refresh.
    rotated: Option<MaskedValue>,
    version: u64,
    ttl: Option<Duration>,
    mode: ResponseMode,
}

/// The kind of answer.
#[derive(Default)]
pub(crate) enum ResponseMode {
    /// A complete answer.
    #[default]
    Complete,
    /// A truncated answer, which cannot be parsed.
    Truncated,
    /// A panic while the backend holds the answer.
    Panic,
    /// A pause while the answer is in a buffer.
    PauseInBuffer(PausePoint),
    /// A pause in nested calls, with the value on the stack.
    PauseOnStack(PausePoint),
}

/// A point at which the backend reports its position and waits.
pub(crate) struct PausePoint {
    there: Sender<Range<u64>>,
    go_on: Receiver<()>,
}

/// The other end of a [`PausePoint`], which resumes the backend when dropped.
pub(crate) struct PauseHandle {
    there: Receiver<Range<u64>>,
    _go_on: Sender<()>,
}

/// The payload of requested panics, which the panic hook does not print.
pub(crate) struct Defect;

impl Defect {
    #[expect(clippy::panic, reason = "the panic is the subject of the examination")]
    pub(crate) fn panic() -> ! {
        panic_any(Self)
    }
}

/// The time limit of steps that take milliseconds.
const STEP_TIMEOUT: Duration = Duration::from_secs(60);

impl PausePoint {
    pub(crate) fn new() -> (Self, PauseHandle) {
        let ((there, is_there), (go_on, goes_on)) = (channel(), channel());
        (Self { there, go_on: goes_on }, PauseHandle { there: is_there, _go_on: go_on })
    }

    fn wait_with(&self, value: &[u8]) {
        let start = value.as_ptr().addr() as u64;
        // An error means that the other end was dropped, which also resumes the backend.
        let _ = self.there.send(start..start + value.len() as u64);
        let _ = self.go_on.recv_timeout(STEP_TIMEOUT);
    }
}

impl PauseHandle {
    /// Waits until the backend pauses, and returns the addresses of the value.
    pub(crate) fn reached(&self) -> Range<u64> {
        self.there.recv_timeout(STEP_TIMEOUT).unwrap()
    }
}

impl Backend {
    pub(crate) fn new(id: ProviderId) -> Self {
        Self {
            id,
            state: Mutex::new(State {
                secret: None,
                rotated: None,
                version: 0,
                ttl: None,
                mode: ResponseMode::Complete,
            }),
        }
    }

    /// Sets the current value, its lifetime and the kind of answer.
    pub(crate) fn set(&self, secret: &MaskedValue, ttl: Option<Duration>, mode: ResponseMode) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = State { secret: Some(secret.clone()), rotated: None, version: state.version + 1, ttl, mode };
    }

    /// Sets the value that the next refresh returns.
    pub(crate) fn rotate_to(&self, secret: &MaskedValue) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).rotated = Some(secret.clone());
    }

    fn rotate(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rotated) = state.rotated.take() {
            state.secret = Some(rotated);
            state.version += 1;
        }
    }

    fn answer(&self) -> Result<FetchedSecret, ProviderError> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let secret = state.secret.as_ref().ok_or(ProviderError::NotFound)?;
        if let ResponseMode::PauseOnStack(pause) = &state.mode {
            deep(DEPTH, secret, pause);
        }
        let mut body = received(secret);
        match &state.mode {
            ResponseMode::Truncated => body.truncate(body.trim_ascii_end().len() - 1),
            ResponseMode::Panic => Defect::panic(),
            ResponseMode::PauseInBuffer(pause) => pause.wait_with(&body),
            ResponseMode::Complete | ResponseMode::PauseOnStack(_) => {}
        }
        let version = Version::parse(&state.version.to_string()).map_err(|_| ProviderError::Invalid)?;
        Ok(FetchedSecret::new(parsed(&body)?, version).with_ttl(state.ttl))
    }
}

#[async_trait]
impl SecretProvider for Backend {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    async fn get_secret(&self, _: &Reference, _: &VersionSelector) -> Result<FetchedSecret, ProviderError> {
        self.answer()
    }

    async fn list_secrets(&self) -> Result<Vec<Reference>, ProviderError> {
        Err(ProviderError::Unsupported)
    }

    async fn refresh_secret(&self, _: &Reference, _: &Version) -> Result<RefreshOutcome, ProviderError> {
        self.rotate();
        self.answer().map(RefreshOutcome::Changed)
    }
}

/// Returns the body of an answer, `{"data":["VALUE"]}` and spaces, in a buffer that grows like one
/// that is received.
fn received(secret: &MaskedValue) -> Vec<u8> {
    let mut body = Vec::new();
    let mut take = |byte| {
        body.push(byte);
        black_box(&mut body);
    };
    // Spaces before the value keep the next owner of a freed block from overwriting it. Spaces
    // after it make the buffer grow, and leave copies behind, more than once.
    let spaces = [b' '; 3000];
    spaces.into_iter().chain(*b"{\"data\":[\"").for_each(&mut take);
    for byte in secret.bytes() {
        if matches!(byte, b'"' | b'\\' | b'\n') {
            take(b'\\');
        }
        take(if byte == b'\n' { b'n' } else { byte });
    }
    b"\"]}".iter().copied().chain(spaces).chain(spaces).for_each(&mut take);
    body
}

fn parsed(body: &[u8]) -> Result<SecretBytes, ProviderError> {
    let document: serde_json::Value = serde_json::from_slice(body).map_err(|_| ProviderError::Invalid)?;
    let value = document.pointer("/data/0").and_then(|value| value.as_str()).ok_or(ProviderError::Invalid)?;
    Ok(SecretBytes::copy_of(value.as_bytes())?)
}

/// The depth of calls at which the value is on the stack.
const DEPTH: usize = 40;

#[inline(never)]
fn deep(left: usize, secret: &MaskedValue, pause: &PausePoint) {
    let mut frame = [0_u8; 64];
    if left == 0 {
        secret.write_to(black_box(&mut frame));
        pause.wait_with(&frame);
    } else {
        deep(left - 1, secret, pause);
    }
    black_box(&mut frame);
}
