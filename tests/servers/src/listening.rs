//! A listener on loopback, with a thread for each connection, until it is dropped.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::failure::{Failure, OrFailure};

pub(crate) struct Listening {
    pub(crate) address: SocketAddr,
    stopped: Arc<AtomicBool>,
}

impl Listening {
    /// Serves each connection so. What goes wrong with one is no matter: clients that leave, or speak no TLS, are what some tests
    /// are for.
    pub(crate) fn start(serve: impl Fn(TcpStream) -> io::Result<()> + Send + Sync + 'static) -> Result<Self, Failure> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).or_failure("listen on loopback")?;
        let address = listener.local_addr().or_failure("see where it listens")?;
        let (serve, stopped) = (Arc::new(serve), Arc::new(AtomicBool::new(false)));
        let stop = stopped.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let serve = serve.clone();
                thread::spawn(move || stream.and_then(|stream| serve(stream)));
            }
        });
        Ok(Self { address, stopped })
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        // It waits for somebody to connect.
        let _ = TcpStream::connect(self.address);
    }
}
