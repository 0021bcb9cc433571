//! A listener on loopback with a thread for each connection, until it is dropped.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::failure::{Failure, OrFailure};

pub(crate) struct Listener {
    pub(crate) address: SocketAddr,
    stopped: Arc<AtomicBool>,
}

impl Listener {
    /// Starts a listener that calls `serve` for each connection. Errors of a connection are
    /// ignored, because some tests disconnect or do not speak TLS.
    pub(crate) fn start(serve: impl Fn(TcpStream) -> io::Result<()> + Send + Sync + 'static) -> Result<Self, Failure> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).or_failure("listen on loopback")?;
        let address = listener.local_addr().or_failure("read the address of a listener")?;
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

impl Drop for Listener {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        // Wakes the thread, which waits for a connection.
        let _ = TcpStream::connect(self.address);
    }
}
