//! `cargo xtask servers`: installs the test servers and starts each once.

use std::time::{Duration, Instant};

use far_servers::{RunningServer, SERVERS, Server};

use crate::failure::Failure;
use crate::invocation::elapsed;

/// The action after the servers have started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AfterStart {
    Stop,
    /// Keeps the servers running until this command is stopped.
    Keep,
}

/// Installs missing servers. In CI, an unavailable server is a failure; elsewhere it is skipped.
pub(crate) fn install() -> Result<(), Failure> {
    for server in SERVERS {
        match (server.install)() {
            Err(failure) if failure.is_absent() && !far_servers::is_ci() => {
                println!("{}: not available, its tests are skipped: {failure}", server.name);
            }
            installed => installed.map_err(|failure| named(&server, &failure))?,
        }
    }
    Ok(())
}

/// Installs and starts all servers.
pub(crate) fn run(after: AfterStart) -> Result<(), Failure> {
    let mut started = Vec::new();
    let mut failed = Vec::new();
    for server in SERVERS {
        match start(&server) {
            Ok(server) => {
                println!("{}", server.line());
                started.push(server);
            }
            Err(failure) => {
                println!("{:<18}  {:<8}  {failure}", server.name, (server.version)());
                failed.push(server.name);
            }
        }
    }
    if after == AfterStart::Keep && !started.is_empty() {
        println!("\nthe servers are running; press Ctrl-C to stop them");
        loop {
            // Each server has a watcher, which stops it when this process ends.
            std::thread::park();
        }
    }
    let count = started.len();
    drop(started);
    if failed.is_empty() {
        println!("{count} servers started and stopped");
        return Ok(());
    }
    Err(Failure::new(format!("servers not available: {}", failed.join(", "))).or_next("the causes are above"))
}

/// A running server, with the times of its installation and start.
struct StartedServer {
    server: Server,
    running: Box<dyn RunningServer>,
    installed_in: Duration,
    started_in: Duration,
}

fn start(server: &Server) -> Result<StartedServer, far_servers::Failure> {
    let started = Instant::now();
    (server.install)()?;
    let installed_in = started.elapsed();
    let started = Instant::now();
    let running = (server.start)()?;
    Ok(StartedServer { server: server.clone(), running, installed_in, started_in: started.elapsed() })
}

impl StartedServer {
    fn line(&self) -> String {
        let (name, version) = (self.server.name, (self.server.version)());
        let (address, install, start) = (self.running.address(), elapsed(self.installed_in), elapsed(self.started_in));
        format!("{name:<18}  {version:<8}  {address:<28}  installed in {install:>7}  started in {start:>7}")
    }
}

/// Adds the server's name to a failure.
fn named(server: &Server, failure: &far_servers::Failure) -> Failure {
    let named = Failure::new(format!("{}: {}", server.name, failure.what()));
    match failure.next() {
        Some(next) => named.or_next(next),
        None => named,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_shows_address_and_times() {
        struct TestServer;
        impl RunningServer for TestServer {
            fn address(&self) -> String {
                "http://127.0.0.1:8200".to_owned()
            }
        }
        let server =
            Server { name: "it", version: || "1".to_owned(), install: || Ok(()), start: || Ok(Box::new(TestServer)) };
        let started = StartedServer { started_in: Duration::from_millis(250), ..start(&server).unwrap() };
        let line = started.line();
        assert!(line.starts_with("it                  1         http://127.0.0.1:8200"), "{line}");
        assert!(line.ends_with("started in   0.2 s"), "{line}");
    }

    #[test]
    fn failure_keeps_its_next_step() {
        let server = Server { name: "it", version: || "1".to_owned(), install: || Ok(()), start: || Err(failed()) };
        fn failed() -> far_servers::Failure {
            far_servers::Failure::new("it broke").or_next("fix it")
        }
        assert_eq!(named(&server, &start(&server).err().unwrap()).to_string(), "error: it: it broke\n  next: fix it");
    }
}
