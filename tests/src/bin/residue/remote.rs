//! The process at the other end of connections. What it has of a value came by TLS, or by a pipe that this process writes to
//! from locked pages: so that all that is found here is the host's.

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::process::{Child, ChildStdin, Command, Stdio};

use far_needle::{Masked, Needle};
use serde_json::Value;

use crate::frames;
use crate::servers::Order;

/// Servers in a process of their own.
pub(crate) struct Remote {
    child: Child,
    orders: ChildStdin,
    answers: File,
    /// Where they are, with their authority's certificate.
    pub(crate) address: Address,
    /// A client certificate of the authority's, with its key, in PEM.
    pub(crate) identity: Key,
    /// Another, for a provider that logs in.
    pub(crate) login: Key,
    /// A key for RS256, in PEM.
    pub(crate) rsa: Key,
    /// A key for ES256.
    pub(crate) ec: Key,
    /// A key for EdDSA.
    pub(crate) ed: Key,
}

/// Origins, and who they are of.
pub(crate) struct Address {
    pub(crate) authority: String,
    /// Of the server that takes everybody.
    pub(crate) open: String,
    /// Of the server that wants a client certificate.
    pub(crate) mutual: String,
}

/// A private key.
pub(crate) struct Key {
    /// As the backend has it.
    pub(crate) pem: Masked,
    /// The private number, or much of it, in the PEM.
    pub(crate) text: Needle,
    /// In the DER that this is of, and what is computed of it to sign with.
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

    /// All that is looked for.
    pub(crate) fn needles(&self) -> Vec<&Needle> {
        [&self.text].into_iter().chain(&self.numbers).collect()
    }
}

impl Remote {
    /// Starts it.
    pub(crate) fn start() -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let mut child = command.arg("--serve").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let orders = child.stdin.take().unwrap();
        let mut answers = File::from(OwnedFd::from(child.stdout.take().unwrap()));
        let told: Value = serde_json::from_slice(&frames::read(&mut answers).unwrap()).unwrap();
        let text = |name: &str| told[name].as_str().unwrap().to_owned();
        let address = Address { authority: text("authority"), open: text("open"), mutual: text("mutual") };
        let [identity, login, rsa, ec, ed] = [(); 5].map(|()| Key::read(&mut answers));
        Self { child, orders, answers, address, identity, login, rsa, ec, ed }
    }

    /// Has it give out this value from now on, as a secret and as a token.
    pub(crate) fn give_out(&mut self, value: &Masked) {
        self.order(Order::GiveOut);
        frames::write_value(&mut self.orders, value).unwrap();
        self.done();
    }

    /// Has it give this token to whoever logs in.
    pub(crate) fn grant(&mut self, token: &Masked) {
        self.order(Order::Grant);
        frames::write_value(&mut self.orders, token).unwrap();
        self.done();
    }

    /// Has it hold back its answer to the next that logs in, or exchanges a key.
    pub(crate) fn hold_next(&mut self) {
        self.order(Order::HoldNext);
        self.done();
    }

    /// Waits until it has a request that it holds back the answer to.
    pub(crate) fn wait_held(&mut self) {
        self.order(Order::WaitHeld);
        self.done();
    }

    /// Has it answer.
    pub(crate) fn release(&mut self) {
        self.order(Order::Release);
        self.done();
    }

    /// The signature of the token that came last: as text, and its bytes.
    pub(crate) fn signature(&mut self) -> [Needle; 2] {
        self.order(Order::Signature);
        let [text, bytes] = [(), ()].map(|()| frames::read_value(&mut self.answers).unwrap());
        [Needle::new(text).unwrap(), Needle::of_bytes(bytes).unwrap()]
    }

    /// A new value of letters and digits, which stays as it is in a form.
    pub(crate) fn word(&mut self) -> Needle {
        self.order(Order::Word);
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
        // Whether it is gone already is no matter.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
