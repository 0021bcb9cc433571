//! The servers in the other process, one of which requires a client certificate. They answer by
//! path.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use far_needle::MaskedValue;
use far_tests::server::{Answer, Authority, Server, ok};
use serde_json::json;
use sha2::{Digest, Sha512};

use crate::frames;
use crate::host::LENGTH;

/// An order to the servers.
#[derive(Clone, Copy)]
pub(crate) enum Order {
    SetValue = 1,
    WaitHeld,
    Release,
    Signature,
    Alphanumeric,
    /// Sets the token that a login returns.
    SetToken,
    /// Delays the answer to the next login or key exchange.
    HoldNext,
}

/// Keys with inverted bits, because the program's own data is in memory too.
static RSA: [u8; 1675] = inverted(include_bytes!("../../../../host/core/src/jwt/keys/rsa-pkcs1.pem"));
static EC: [u8; 241] = inverted(include_bytes!("../../../../host/core/src/jwt/keys/ec-pkcs8.pem"));
static ED: [u8; 119] = inverted(include_bytes!("../../../../host/core/src/jwt/keys/ed.pem"));
/// The path of GitHub's installation tokens.
const APP: &str = "/access_tokens";
/// The longest delay of an answer.
const LONGEST: Duration = Duration::from_secs(120);

#[derive(Default)]
struct State {
    value: String,
    token: String,
    /// The last signed token that arrived.
    signed: String,
    hold_next: bool,
    held: bool,
    released: bool,
}

type Shared = Arc<(Mutex<State>, Condvar)>;

/// Serves until the input ends.
pub(crate) fn serve() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build()?;
    let (authority, shared) = (Authority::new(), Shared::default());
    let answer = answers(&shared);
    let (open, mutual) = runtime.block_on(async {
        let open = Server::start(&authority, "localhost", answer.clone()).await;
        (open, Server::mutual(&authority, "localhost", answer).await)
    });
    let mut output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let addresses = json!({ "authority": authority.pem(), "open": open.origin(), "mutual": mutual.origin() });
    frames::write(&mut output, addresses.to_string().as_bytes())?;
    let text = |inverted_bytes: &[u8]| String::from_utf8(inverted_bytes.iter().map(|byte| !byte).collect()).unwrap();
    // In PKCS #8, 36 bytes precede the number of a P-256 key.
    let on_p256 = |der: &[u8]| vec![der[36..68].to_vec()];
    for name in ["far", "far-that-logs-in"] {
        key(&mut output, &authority.client_identity(name).0, on_p256)?;
    }
    // In PKCS #1, the middle of an RSA key is in one of its primes.
    key(&mut output, &text(&RSA), |der| vec![der[der.len() / 2..][..64].to_vec()])?;
    key(&mut output, &text(&EC), on_p256)?;
    key(&mut output, &text(&ED), ed25519_numbers)?;
    execute_orders(&shared, &mut output)
}

/// Returns the seed and the values computed from it for signatures (RFC 8032, 5.1.5): the scalar
/// without its first and last byte, and the prefix.
fn ed25519_numbers(der: &[u8]) -> Vec<Vec<u8>> {
    let seed = &der[16..48];
    let expanded = Sha512::digest(seed);
    vec![seed.to_vec(), expanded[1..31].to_vec(), expanded[32..].to_vec()]
}

/// Writes a key, the private part of its text, and its private numbers with their count.
fn key(output: &mut File, pem: &str, numbers: fn(&[u8]) -> Vec<Vec<u8>>) -> io::Result<()> {
    let start = pem.find("PRIVATE KEY-----").unwrap();
    let body: Vec<_> = pem[start..].lines().skip(1).take_while(|line| !line.starts_with('-')).collect();
    let numbers = numbers(&STANDARD.decode(body.concat()).unwrap());
    // Takes the end of a line and the start of the next. A short key has the number in its first
    // lines.
    let line = if body.len() > 4 { body.len() / 2 } else { 0 };
    let from = body[line].as_ptr().addr() - pem.as_ptr().addr() + if body.len() > 1 { 48 } else { 22 };
    let private = &pem[from..][..42];
    let count = [u8::try_from(numbers.len()).map_err(io::Error::other)?];
    let frames = [pem.as_bytes(), private.as_bytes(), &count].into_iter();
    frames.chain(numbers.iter().map(Vec::as_slice)).try_for_each(|bytes| frames::write(output, bytes))
}

fn execute_orders(shared: &Shared, output: &mut File) -> io::Result<()> {
    let mut input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut order = [0];
    while input.read(&mut order)? == 1 {
        let (state, changed) = &**shared;
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        match order {
            [order] if order == Order::SetValue as u8 => {
                state.value = String::from_utf8(frames::read(&mut input)?).map_err(io::Error::other)?;
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
            [order] if order == Order::SetToken as u8 => {
                state.token = String::from_utf8(frames::read(&mut input)?).map_err(io::Error::other)?;
                frames::write(output, b"")?;
            }
            [order] if order == Order::HoldNext as u8 => {
                state.hold_next = true;
                frames::write(output, b"")?;
            }
            [order] if order == Order::Signature as u8 => {
                let text = state.signed.rsplit('.').next().unwrap_or_default();
                let bytes = URL_SAFE_NO_PAD.decode(text).unwrap();
                frames::write(output, &text.as_bytes()[..text.len().min(100)])?;
                frames::write(output, &bytes[..bytes.len().min(64)])?;
            }
            _ => {
                let random = MaskedValue::random(LENGTH).map_err(io::Error::other)?;
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
        // The start of every JWT header.
        if let Some(token) = shown.filter(|shown| shown.starts_with("eyJ")) {
            state.signed = token.to_owned();
        }
        let path = request.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default();
        let issues_token = path.ends_with("/login") || path.ends_with(APP);
        if path == "/hold" || (issues_token && std::mem::take(&mut state.hold_next)) {
            (state.held, state.released) = (true, false);
            changed.notify_all();
            state = changed.wait_timeout_while(state, LONGEST, |state| !state.released).unwrap().0;
        }
        match path {
            "/echo" => ok(request),
            _ if path.ends_with("/login") => {
                let auth = json!({ "client_token": state.token, "lease_duration": 3600, "renewable": false });
                ok(&json!({ "auth": auth }).to_string())
            }
            _ if path.ends_with(APP) => {
                let token = json!({ "token": state.value, "expires_at": "2099-01-01T00:00:00Z" }).to_string();
                let head = format!("HTTP/1.1 201 Created\r\ncontent-length: {}\r\n\r\n", token.len());
                vec![format!("{head}{token}").into_bytes()]
            }
            "/token" => {
                let token = json!({ "access_token": state.value, "token_type": "bearer", "expires_in": 3600 });
                ok(&token.to_string())
            }
            "/v1/auth/token/lookup-self" => ok(&json!({ "data": { "ttl": 3600, "renewable": false } }).to_string()),
            "/v1/kv/data/app" => {
                let metadata = json!({ "version": 1, "deletion_time": "", "destroyed": false });
                let data = json!({ "data": { "value": state.value }, "metadata": metadata });
                ok(&json!({ "data": data }).to_string())
            }
            _ => ok("fine"),
        }
    })
}

/// Returns the bytes with every bit inverted.
const fn inverted<const N: usize>(bytes: &[u8; N]) -> [u8; N] {
    let (mut inverted, mut at) = ([0; N], 0);
    while at < N {
        inverted[at] = !bytes[at];
        at += 1;
    }
    inverted
}
