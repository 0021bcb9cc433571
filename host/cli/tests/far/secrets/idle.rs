//! Peers that hold connections to the control socket: the operator's request does not wait for them.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::held::Held;

/// Connections that are held at once, more than the process serves.
const PEERS: usize = 200;
/// Longer than a command takes, shorter than waiting for a few peers, at two seconds each.
const SOON: Duration = Duration::from_secs(10);

/// Connects as many peers, each prepared like this.
fn peers(socket: &Path, prepare: impl Fn(&mut UnixStream)) -> Vec<UnixStream> {
    let connect = |_| {
        let mut stream = UnixStream::connect(socket).unwrap();
        prepare(&mut stream);
        stream
    };
    (0..PEERS).map(connect).collect()
}

/// Lists what the process caches, and sees that the answer does not wait.
fn list(held: &Held) {
    let start = Instant::now();
    let (code, stdout, stderr) = held.also("secrets list --config far.toml");
    let time = start.elapsed();
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
    assert!(stdout.lines().any(|line| line.starts_with("PID ") && line.contains(" token ")), "{stdout}");
    assert!(time < SOON, "{time:?}");
}

#[test]
fn idle_peers_delay_no_request() {
    let held = Held::dotenv(|far| far).waiting();
    let _idle = peers(&held.socket(), |_| {});
    list(&held);
    list(&held);
    assert_eq!(held.end().code, Some(0));
}

#[test]
fn slow_writers_delay_no_request() {
    let held = Held::dotenv(|far| far).waiting();
    let mut slow = peers(&held.socket(), |stream| stream.write_all(b"{").unwrap());
    let over = Arc::new(AtomicBool::new(false));
    let writing = thread::spawn({
        let over = over.clone();
        move || {
            while !over.load(Ordering::Relaxed) {
                for stream in &mut slow {
                    // The process may have closed it.
                    let _ = stream.write_all(b" ");
                }
                thread::sleep(Duration::from_millis(500));
            }
        }
    });
    list(&held);
    over.store(true, Ordering::Relaxed);
    writing.join().unwrap();
    assert_eq!(held.end().code, Some(0));
}

#[test]
fn half_closed_peers_are_refused() {
    let held = Held::dotenv(|far| far).waiting();
    let closed = peers(&held.socket(), |stream| {
        let _ = stream.shutdown(Shutdown::Write);
    });
    list(&held);
    for mut stream in closed {
        let mut answer = String::new();
        // The process closed it for another one, or answered what came: nothing.
        let _ = stream.read_to_string(&mut answer);
        assert!(["", "\"refused\"\n"].contains(&answer.as_str()), "{answer}");
    }
    assert_eq!(held.end().code, Some(0));
}

#[test]
fn peers_that_read_no_answer_delay_no_request() {
    let held = Held::dotenv(|far| far).waiting();
    let _asked = peers(&held.socket(), |stream| {
        let _ = stream.write_all(b"{\"do\":\"kept\"}\n");
    });
    list(&held);
    assert_eq!(held.end().code, Some(0));
}
