//! The process at the other end of connections. It gets values by TLS, or by a pipe from locked
//! pages, so all residue in this process is the host's.

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::process::{Child, ChildStdin, Command, Stdio};

use far_needle::{MaskedValue, Needle};
use serde_json::Value;

use crate::frames;
use crate::servers::Order;

/// Servers in another process.
pub(crate) struct Remote {
    child: Child,
    orders: ChildStdin,
    answers: File,
    /// The servers' addresses and the certificate of their authority.
    pub(crate) address: Address,
    /// A client certificate of the authority, with its key, in PEM.
    pub(crate) identity: Key,
    /// A client certificate for a provider's login.
    pub(crate) login: Key,
    /// A key for RS256, in PEM.
    pub(crate) rsa: Key,
    /// A key for ES256.
    pub(crate) ec: Key,
    /// A key for EdDSA.
    pub(crate) ed: Key,
}

/// The origins of the servers, and their authority.
pub(crate) struct Address {
    pub(crate) authority: String,
    /// The origin of the server without client certificates.
    pub(crate) open: String,
    /// The origin of the server that requires a client certificate.
    pub(crate) mutual: String,
}

/// A private key.
pub(crate) struct Key {
    /// The PEM of the backend.
    pub(crate) pem: MaskedValue,
    /// The private number, or most of it, as PEM text.
    pub(crate) text: Needle,
    /// The private numbers in DER, and the numbers computed from them for signatures.
    pub(crate) numbers: Vec<Needle>,
}

impl Key {
    fn read(answers: &mut File) -> Self {
        let pem = frames::read_value(answers).unwrap();
        let text = Needle::new(frames::read_value(answers).unwrap()).unwrap();
        let count = frames::read(answers).unwrap()[0];
        let numbers = (0..count).map(|_| Needle::of_bytes(frames::read_value(answers).unwrap()).unwrap()).collect();
        Self { pem, text, numbers }
    }

    /// Returns all needles of the key.
    pub(crate) fn needles(&self) -> Vec<&Needle> {
        [&self.text].into_iter().chain(&self.numbers).collect()
    }
}

impl Remote {
    /// Starts the process.
    pub(crate) fn start() -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let mut child = command.arg("--serve").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let orders = child.stdin.take().unwrap();
        let mut answers = File::from(OwnedFd::from(child.stdout.take().unwrap()));
        let addresses: Value = serde_json::from_slice(&frames::read(&mut answers).unwrap()).unwrap();
        let text = |name: &str| addresses[name].as_str().unwrap().to_owned();
        let address = Address { authority: text("authority"), open: text("open"), mutual: text("mutual") };
        let [identity, login, rsa, ec, ed] = [(); 5].map(|()| Key::read(&mut answers));
        Self { child, orders, answers, address, identity, login, rsa, ec, ed }
    }

    /// Sets the value that the servers return as a secret and as a token.
    pub(crate) fn set_value(&mut self, value: &MaskedValue) {
        self.order(Order::SetValue);
        frames::write_value(&mut self.orders, value).unwrap();
        self.done();
    }

    /// Sets the token that a login returns.
    pub(crate) fn set_token(&mut self, token: &MaskedValue) {
        self.order(Order::SetToken);
        frames::write_value(&mut self.orders, token).unwrap();
        self.done();
    }

    /// Delays the answer to the next login or key exchange.
    pub(crate) fn hold_next(&mut self) {
        self.order(Order::HoldNext);
        self.done();
    }

    /// Waits until a server delays an answer.
    pub(crate) fn wait_held(&mut self) {
        self.order(Order::WaitHeld);
        self.done();
    }

    /// Releases the delayed answer.
    pub(crate) fn release(&mut self) {
        self.order(Order::Release);
        self.done();
    }

    /// Returns the signature of the last token, as text and as bytes.
    pub(crate) fn signature(&mut self) -> [Needle; 2] {
        self.order(Order::Signature);
        let [text, bytes] = [(), ()].map(|()| frames::read_value(&mut self.answers).unwrap());
        [Needle::new(text).unwrap(), Needle::of_bytes(bytes).unwrap()]
    }

    /// Returns a new value of letters and digits, which form encoding leaves unchanged.
    pub(crate) fn alphanumeric(&mut self) -> Needle {
        self.order(Order::Alphanumeric);
        Needle::new(frames::read_value(&mut self.answers).unwrap()).unwrap()
    }

    fn order(&mut self, order: Order) {
        self.orders.write_all(&[order as u8]).unwrap();
    }

    fn done(&mut self) {
        assert!(frames::read(&mut self.answers).unwrap().is_empty());
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
