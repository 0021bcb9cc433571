//! The servers in the other process: one that takes everybody, one that wants a client certificate. They answer by path.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use far_needle::Masked;
use far_tests::server::{Answer, Authority, Server, ok};
use serde_json::json;

use crate::frames;
use crate::host::LENGTH;

/// What it is told to do.
#[derive(Clone, Copy)]
pub(crate) enum Order {
    GiveOut = 1,
    WaitHeld,
    Release,
    Signature,
    Word,
}

/// What is never in this program as it is, since the program is in memory too.
static RSA: [u8; 1675] = turned(include_bytes!("../../../../host/core/src/jwt/keys/rsa-pkcs1.pem"));
/// How long a request is held back at most.
const LONGEST: Duration = Duration::from_secs(120);

#[derive(Default)]
struct State {
    given_out: String,
    /// The last token that was shown.
    shown: String,
    held: bool,
    released: bool,
}

type Shared = Arc<(Mutex<State>, Condvar)>;

/// Serves until its input ends.
pub(crate) fn serve() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build()?;
    let (authority, shared) = (Authority::new(), Shared::default());
    let answer = answers(&shared);
    let (open, mutual) = runtime.block_on(async {
        let open = Server::start(&authority, "localhost", answer.clone()).await;
        (open, Server::mutual(&authority, "localhost", answer).await)
    });
    let mut output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let told = json!({ "authority": authority.pem(), "open": open.origin(), "mutual": mutual.origin() });
    frames::write(&mut output, told.to_string().as_bytes())?;
    let (identity, _) = authority.client_identity("far");
    // The number of a key on P-256 in PKCS #8 has 36 bytes before it.
    key(&mut output, &identity, "PRIVATE KEY", |der| der[36..68].to_vec())?;
    // The middle of a key of RSA in PKCS #1 is in one of its primes.
    let rsa = String::from_utf8_lossy(&turned(&RSA)).into_owned();
    key(&mut output, &rsa, "RSA PRIVATE KEY", |der| der[der.len() / 2..][..64].to_vec())?;
    obey(&shared, &mut output)
}

/// Writes a key, what is private in its text, and what is in its DER.
fn key(output: &mut File, pem: &str, name: &str, number: fn(&[u8]) -> Vec<u8>) -> io::Result<()> {
    let start = pem.find(&format!("-----BEGIN {name}")).unwrap();
    let body: Vec<_> = pem[start..].lines().skip(1).take_while(|line| !line.starts_with('-')).collect();
    let number = number(&STANDARD.decode(body.concat()).unwrap());
    // The end of a line and the beginning of the next: of a short key, those in which the number is.
    let line = if body.len() > 4 { body.len() / 2 } else { 0 };
    let from = body[line].as_ptr().addr() - pem.as_ptr().addr();
    let private = &pem[from + 48..][..42];
    [pem.as_bytes(), private.as_bytes(), &number].into_iter().try_for_each(|bytes| frames::write(output, bytes))
}

fn obey(shared: &Shared, output: &mut File) -> io::Result<()> {
    let mut input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut order = [0];
    while input.read(&mut order)? == 1 {
        let (state, changed) = &**shared;
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        match order {
            [order] if order == Order::GiveOut as u8 => {
                state.given_out = String::from_utf8(frames::read(&mut input)?).map_err(io::Error::other)?;
                frames::write(output, b"")?;
            }
            [order] if order == Order::WaitHeld as u8 => {
                state = changed.wait_timeout_while(state, LONGEST, |state| !state.held).unwrap().0;
                state.held = false;
                frames::write(output, b"")?;
            }
            [order] if order == Order::Release as u8 => {
                state.released = true;
                changed.notify_all();
                frames::write(output, b"")?;
            }
            [order] if order == Order::Signature as u8 => {
                let text = state.shown.rsplit('.').next().unwrap_or_default();
                let bytes = URL_SAFE_NO_PAD.decode(text).unwrap();
                frames::write(output, &text.as_bytes()[..text.len().min(100)])?;
                frames::write(output, &bytes[..bytes.len().min(64)])?;
            }
            _ => {
                let random = Masked::random(LENGTH).map_err(io::Error::other)?;
                let word: Vec<u8> = random.bytes().map(|byte| b"abcdefghijklmnop"[usize::from(byte % 16)]).collect();
                frames::write(output, &word)?;
            }
        }
    }
    Ok(())
}

fn answers(shared: &Shared) -> Answer {
    let shared = shared.clone();
    Arc::new(move |request: &str| {
        let (state, changed) = &*shared;
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = request.lines().find_map(|line| line.strip_prefix("authorization: Bearer "));
        state.shown = shown.unwrap_or_default().to_owned();
        let path = request.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default();
        match path {
            "/echo" => ok(request),
            "/hold" => {
                (state.held, state.released) = (true, false);
                changed.notify_all();
                drop(changed.wait_timeout_while(state, LONGEST, |state| !state.released));
                ok("late")
            }
            "/token" => {
                let token = json!({ "access_token": state.given_out, "token_type": "bearer", "expires_in": 3600 });
                ok(&token.to_string())
            }
            "/v1/auth/token/lookup-self" => ok(&json!({ "data": { "ttl": 3600, "renewable": false } }).to_string()),
            "/v1/kv/data/app" => {
                let metadata = json!({ "version": 1, "deletion_time": "", "destroyed": false });
                let data = json!({ "data": { "value": state.given_out }, "metadata": metadata });
                ok(&json!({ "data": data }).to_string())
            }
            _ => ok("fine"),
        }
    })
}

/// With every bit turned over.
const fn turned<const N: usize>(bytes: &[u8; N]) -> [u8; N] {
    let (mut turned, mut at) = ([0; N], 0);
    while at < N {
        turned[at] = !bytes[at];
        at += 1;
    }
    turned
}
