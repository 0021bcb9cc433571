//! Idle peers of the control socket do not delay the operator's requests.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::waiting_run::WaitingRun;

/// The number of idle connections: more than the process serves.
const PEERS: usize = 200;
/// Longer than a command takes, and shorter than a few peers' timeouts of 2 s.
const SOON: Duration = Duration::from_secs(10);

/// Connects the peers and prepares each of them.
fn peers(socket: &Path, prepare: impl Fn(&mut UnixStream)) -> Vec<UnixStream> {
    let connect = |_| {
        let mut stream = UnixStream::connect(socket).unwrap();
        prepare(&mut stream);
        stream
    };
    (0..PEERS).map(connect).collect()
}

/// Lists the cached secrets and asserts that the answer is not delayed.
fn list(run: &WaitingRun) {
    let start = Instant::now();
    let (code, stdout, stderr) = run.also("secrets list --config far.toml");
    let time = start.elapsed();
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
    assert!(stdout.lines().any(|line| line.starts_with("PID ") && line.contains(" token ")), "{stdout}");
    assert!(time < SOON, "{time:?}");
}

#[test]
fn idle_peers_delay_no_request() {
    let run = WaitingRun::dotenv(|far| far).waiting();
    let _idle = peers(&run.socket(), |_| {});
    list(&run);
    list(&run);
    assert_eq!(run.end().code, Some(0));
}

#[test]
fn slow_writers_delay_no_request() {
    let run = WaitingRun::dotenv(|far| far).waiting();
    let mut slow = peers(&run.socket(), |stream| stream.write_all(b"{").unwrap());
    let over = Arc::new(AtomicBool::new(false));
    let writing = thread::spawn({
        let over = over.clone();
        move || {
            while !over.load(Ordering::Relaxed) {
                for stream in &mut slow {
                    // The process may have closed the connection.
                    let _ = stream.write_all(b" ");
                }
                thread::sleep(Duration::from_millis(500));
            }
        }
    });
    list(&run);
    over.store(true, Ordering::Relaxed);
    writing.join().unwrap();
    assert_eq!(run.end().code, Some(0));
}

#[test]
fn half_closed_peers_are_refused() {
    let run = WaitingRun::dotenv(|far| far).waiting();
    let closed = peers(&run.socket(), |stream| {
        let _ = stream.shutdown(Shutdown::Write);
    });
    list(&run);
    for mut stream in closed {
        let mut answer = String::new();
        // The process closed the connection for another one, or refused the empty request.
        let _ = stream.read_to_string(&mut answer);
        assert!(["", "\"refused\"\n"].contains(&answer.as_str()), "{answer}");
    }
    assert_eq!(run.end().code, Some(0));
}

#[test]
fn unread_answers_delay_no_request() {
    let run = WaitingRun::dotenv(|far| far).waiting();
    let _asked = peers(&run.socket(), |stream| {
        let _ = stream.write_all(b"{\"do\":\"kept\"}\n");
    });
    list(&run);
    assert_eq!(run.end().code, Some(0));
}
