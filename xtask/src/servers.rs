//! `cargo xtask servers`: the real servers that tests run against, installed and started once.

use std::time::{Duration, Instant};

use far_servers::{RunningServer, SERVERS, Server};

use crate::failure::Failure;
use crate::invocation::elapsed;

/// What is done with servers that run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    Stop,
    /// They are left to run until this command is ended.
    Keep,
}

/// Installs what is missing. What cannot be had is told, and fails only where nothing may be left out.
pub(crate) fn install() -> Result<(), Failure> {
    for server in SERVERS {
        match (server.install)() {
            Err(failure) if failure.is_absent() && !far_servers::is_ci() => {
                println!("{}: not here; tests that need it are left out: {failure}", server.name);
            }
            installed => installed.map_err(|failure| told(&server, &failure))?,
        }
    }
    Ok(())
}

/// Installs and starts all of them.
pub(crate) fn run(then: Then) -> Result<(), Failure> {
    let mut started = Vec::new();
    let mut missing = Vec::new();
    for server in SERVERS {
        match start(&server) {
            Ok(row) => {
                println!("{}", row.line());
                started.push(row);
            }
            Err(failure) => {
                println!("{:<18}  {:<8}  {failure}", server.name, (server.version)());
                missing.push(server.name);
            }
        }
    }
    if then == Then::Keep && !started.is_empty() {
        println!("\nthey run until this command is ended: Ctrl-C");
        loop {
            // Each has a watcher of its own, which stops it when this process is gone.
            std::thread::park();
        }
    }
    let count = started.len();
    drop(started);
    if missing.is_empty() {
        println!("{count} servers work, and are stopped again");
        return Ok(());
    }
    Err(Failure::new(format!("not to be had, or not working: {}", missing.join(", "))).or_next("each is told above"))
}

/// A server that runs, and how long that took.
struct Row {
    server: Server,
    running: Box<dyn RunningServer>,
    installed_in: Duration,
    started_in: Duration,
}

fn start(server: &Server) -> Result<Row, far_servers::Failure> {
    let started = Instant::now();
    (server.install)()?;
    let installed_in = started.elapsed();
    let started = Instant::now();
    let running = (server.start)()?;
    Ok(Row { server: server.clone(), running, installed_in, started_in: started.elapsed() })
}

impl Row {
    fn line(&self) -> String {
        let (name, version) = (self.server.name, (self.server.version)());
        let (address, install, start) = (self.running.address(), elapsed(self.installed_in), elapsed(self.started_in));
        format!("{name:<18}  {version:<8}  {address:<28}  installed in {install:>7}  started in {start:>7}")
    }
}

fn told(server: &Server, failure: &far_servers::Failure) -> Failure {
    let told = Failure::new(format!("{}: {}", server.name, failure.what()));
    match failure.next() {
        Some(next) => told.or_next(next),
        None => told,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_tells_where_a_server_is_and_how_long_it_took() {
        struct There;
        impl RunningServer for There {
            fn address(&self) -> String {
                "http://127.0.0.1:8200".to_owned()
            }
        }
        let server =
            Server { name: "it", version: || "1".to_owned(), install: || Ok(()), start: || Ok(Box::new(There)) };
        let row = Row { started_in: Duration::from_millis(250), ..start(&server).unwrap() };
        let line = row.line();
        assert!(line.starts_with("it                  1         http://127.0.0.1:8200"), "{line}");
        assert!(line.ends_with("started in   0.2 s"), "{line}");
    }

    #[test]
    fn a_failure_keeps_its_next_step() {
        let server = Server { name: "it", version: || "1".to_owned(), install: || Ok(()), start: || Err(failed()) };
        fn failed() -> far_servers::Failure {
            far_servers::Failure::new("it broke").or_next("mend it")
        }
        assert_eq!(told(&server, &start(&server).err().unwrap()).to_string(), "error: it: it broke\n  next: mend it");
    }
}
