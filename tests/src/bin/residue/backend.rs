//! The backend of this proof. It has no value in its memory but the one that it is answering with, and that it handles as
//! a client of a server does: in buffers of the process's heap that it does nothing to wipe.

use std::hint::black_box;
use std::ops::Range;
use std::panic::panic_any;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use far_core::memory::SecretBytes;
use far_core::provider::{Fetched, ProviderError, Reference, Refreshed, SecretProvider};
use far_core::{ProviderId, Version, VersionSelector};
use far_needle::Masked;

/// A backend of one secret.
pub(crate) struct Backend {
    id: ProviderId,
    now: Mutex<Now>,
}

/// What it has and how it answers.
struct Now {
    secret: Option<Masked>,
    /// Takes its place when a refresh asks.
    rotated: Option<Masked>,
    version: u64,
    ttl: Option<Duration>,
    manner: Manner,
}

/// How it answers.
#[derive(Default)]
pub(crate) enum Manner {
    /// As it should.
    #[default]
    Well,
    /// Not to its end: what came cannot be parsed.
    CutOff,
    /// It panics, with the answer in its hands.
    Panics,
    /// It stops while the answer is in its buffer.
    StopsInBuffer(Stop),
    /// It stops deep in calls, with the value on the stack.
    StopsOnStack(Stop),
}

/// A place at which the backend says that it got there, and waits.
pub(crate) struct Stop {
    there: Sender<Range<u64>>,
    go_on: Receiver<()>,
}

/// The other end of a [`Stop`]; lets it go when dropped.
pub(crate) struct Stopped {
    there: Receiver<Range<u64>>,
    _go_on: Sender<()>,
}

/// What those panic with that are told to: nothing to be told.
pub(crate) struct Defect;

impl Defect {
    #[expect(clippy::panic, reason = "what comes after a panic is what is examined")]
    pub(crate) fn happens() -> ! {
        panic_any(Self)
    }
}

/// How long anything may take that takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(60);

impl Stop {
    pub(crate) fn new() -> (Self, Stopped) {
        let ((there, is_there), (go_on, goes_on)) = (channel(), channel());
        (Self { there, go_on: goes_on }, Stopped { there: is_there, _go_on: go_on })
    }

    fn wait_with(&self, value: &[u8]) {
        let start = value.as_ptr().addr() as u64;
        // An error says that the other end is gone, which is what is waited for.
        let _ = self.there.send(start..start + value.len() as u64);
        let _ = self.go_on.recv_timeout(PATIENCE);
    }
}

impl Stopped {
    /// Waits until the backend is there, and says at which addresses it has the value.
    pub(crate) fn reached(&self) -> Range<u64> {
        self.there.recv_timeout(PATIENCE).unwrap()
    }
}

impl Backend {
    pub(crate) fn new(id: ProviderId) -> Self {
        Self { id, now: Mutex::new(Now { secret: None, rotated: None, version: 0, ttl: None, manner: Manner::Well }) }
    }

    /// Makes this the current value, which lives so long.
    pub(crate) fn set(&self, secret: &Masked, ttl: Option<Duration>, manner: Manner) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        *now = Now { secret: Some(secret.clone()), rotated: None, version: now.version + 1, ttl, manner };
    }

    /// Makes this the current value from the moment that a refresh asks.
    pub(crate) fn rotate_to(&self, secret: &Masked) {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).rotated = Some(secret.clone());
    }

    fn rotate(&self) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rotated) = now.rotated.take() {
            now.secret = Some(rotated);
            now.version += 1;
        }
    }

    fn answer(&self) -> Result<Fetched, ProviderError> {
        let now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let secret = now.secret.as_ref().ok_or(ProviderError::NotFound)?;
        if let Manner::StopsOnStack(stop) = &now.manner {
            deep(DEPTH, secret, stop);
        }
        let mut body = received(secret);
        match &now.manner {
            Manner::CutOff => body.truncate(body.trim_ascii_end().len() - 1),
            Manner::Panics => Defect::happens(),
            Manner::StopsInBuffer(stop) => stop.wait_with(&body),
            Manner::Well | Manner::StopsOnStack(_) => {}
        }
        let version = Version::parse(&now.version.to_string()).map_err(|_| ProviderError::Invalid)?;
        Ok(Fetched::new(parsed(&body)?, version).with_ttl(now.ttl))
    }
}

#[async_trait]
impl SecretProvider for Backend {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    async fn get_secret(&self, _: &Reference, _: &VersionSelector) -> Result<Fetched, ProviderError> {
        self.answer()
    }

    async fn list_secrets(&self) -> Result<Vec<Reference>, ProviderError> {
        Err(ProviderError::Unsupported)
    }

    async fn refresh_secret(&self, _: &Reference, _: &Version) -> Result<Refreshed, ProviderError> {
        self.rotate();
        self.answer().map(Refreshed::Changed)
    }
}

/// The body of an answer, `{"data":["VALUE"]}` and spaces, in a buffer that grew as it came in.
fn received(secret: &Masked) -> Vec<u8> {
    let mut body = Vec::new();
    let mut take = |byte| {
        body.push(byte);
        black_box(&mut body);
    };
    // Before the value, so that what is freed with it is not overwritten by the next to have the beginning of the block;
    // after it, so that the buffer grows, and leaves it behind, more than once.
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

/// How many calls deep the value is on the stack.
const DEPTH: usize = 40;

#[inline(never)]
fn deep(left: usize, secret: &Masked, stop: &Stop) {
    let mut frame = [0_u8; 64];
    if left == 0 {
        secret.write_to(black_box(&mut frame));
        stop.wait_with(&frame);
    } else {
        deep(left - 1, secret, stop);
    }
    black_box(&mut frame);
}
