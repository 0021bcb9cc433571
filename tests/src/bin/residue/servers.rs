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
use sha2::{Digest, Sha512};

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
    /// The token that whoever logs in is given.
    Grant,
    /// To hold back the answer to the next that logs in, or exchanges a key.
    HoldNext,
}

/// What is never in this program as it is, since the program is in memory too.
static RSA: [u8; 1675] = turned(include_bytes!("../../../../host/core/src/jwt/keys/rsa-pkcs1.pem"));
static EC: [u8; 241] = turned(include_bytes!("../../../../host/core/src/jwt/keys/ec-pkcs8.pem"));
static ED: [u8; 119] = turned(include_bytes!("../../../../host/core/src/jwt/keys/ed.pem"));
/// Where GitHub gives tokens of an App's installation.
const APP: &str = "/access_tokens";
/// How long a request is held back at most.
const LONGEST: Duration = Duration::from_secs(120);

#[derive(Default)]
struct State {
    given_out: String,
    granted: String,
    /// The last token that was shown, and signed.
    signed: String,
    hold_next: bool,
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
    let text = |turned_over: &[u8]| String::from_utf8(turned_over.iter().map(|byte| !byte).collect()).unwrap();
    // The number of a key on P-256 in PKCS #8 has 36 bytes before it.
    let on_p256 = |der: &[u8]| vec![der[36..68].to_vec()];
    for name in ["far", "far-that-logs-in"] {
        key(&mut output, &authority.client_identity(name).0, on_p256)?;
    }
    // The middle of a key of RSA in PKCS #1 is in one of its primes.
    key(&mut output, &text(&RSA), |der| vec![der[der.len() / 2..][..64].to_vec()])?;
    key(&mut output, &text(&EC), on_p256)?;
    key(&mut output, &text(&ED), of_ed25519)?;
    obey(&shared, &mut output)
}

/// The seed, and what is computed of it to sign with (RFC 8032, 5.1.5): the number but for the bytes of which bits are set, and the
/// prefix.
fn of_ed25519(der: &[u8]) -> Vec<Vec<u8>> {
    let seed = &der[16..48];
    let expanded = Sha512::digest(seed);
    vec![seed.to_vec(), expanded[1..31].to_vec(), expanded[32..].to_vec()]
}

/// Writes a key, what is private in its text, and how many numbers of it, and which.
fn key(output: &mut File, pem: &str, numbers: fn(&[u8]) -> Vec<Vec<u8>>) -> io::Result<()> {
    let start = pem.find("PRIVATE KEY-----").unwrap();
    let body: Vec<_> = pem[start..].lines().skip(1).take_while(|line| !line.starts_with('-')).collect();
    let numbers = numbers(&STANDARD.decode(body.concat()).unwrap());
    // The end of a line and the beginning of the next: of a short key, those in which the number is. Of one line, its end.
    let line = if body.len() > 4 { body.len() / 2 } else { 0 };
    let from = body[line].as_ptr().addr() - pem.as_ptr().addr() + if body.len() > 1 { 48 } else { 22 };
    let private = &pem[from..][..42];
    let count = [u8::try_from(numbers.len()).map_err(io::Error::other)?];
    let frames = [pem.as_bytes(), private.as_bytes(), &count].into_iter();
    frames.chain(numbers.iter().map(Vec::as_slice)).try_for_each(|bytes| frames::write(output, bytes))
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
            [order] if order == Order::Grant as u8 => {
                state.granted = String::from_utf8(frames::read(&mut input)?).map_err(io::Error::other)?;
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
        // As the header of every token begins.
        if let Some(token) = shown.filter(|shown| shown.starts_with("eyJ")) {
            state.signed = token.to_owned();
        }
        let path = request.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default();
        let gives_tokens = path.ends_with("/login") || path.ends_with(APP);
        if path == "/hold" || (gives_tokens && std::mem::take(&mut state.hold_next)) {
            (state.held, state.released) = (true, false);
            changed.notify_all();
            state = changed.wait_timeout_while(state, LONGEST, |state| !state.released).unwrap().0;
        }
        match path {
            "/echo" => ok(request),
            _ if path.ends_with("/login") => {
                let auth = json!({ "client_token": state.granted, "lease_duration": 3600, "renewable": false });
                ok(&json!({ "auth": auth }).to_string())
            }
            _ if path.ends_with(APP) => {
                let token = json!({ "token": state.given_out, "expires_at": "2099-01-01T00:00:00Z" }).to_string();
                let head = format!("HTTP/1.1 201 Created\r\ncontent-length: {}\r\n\r\n", token.len());
                vec![format!("{head}{token}").into_bytes()]
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
