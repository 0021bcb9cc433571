//! WASI 0.2, linked so that every language's toolchain works, and inert: no environment, no arguments, no directories,
//! no addresses, no look-ups, an empty stdin. Clocks and random numbers work; stdout and stderr go to the task log.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder};

use crate::limits::RANDOM_MAX;
use crate::task_log::{LogSource, TaskLog};

/// What a component may import of WASI. It gets the same of either: nothing of the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wasi {
    /// Everything, as any toolchain's components do.
    #[default]
    Inert,
    /// Neither files nor sockets: a component that imports them is refused, whether it would use them or not.
    ///
    /// Rust's components import what they use: those that use neither pass, as the examples of this repository do. An
    /// interpreter that is built into a component, as for Python or JavaScript, imports both as a rule.
    Strict,
}

/// What [`Wasi::Strict`] refuses.
const REFUSED: [&str; 2] = ["wasi:filesystem/", "wasi:sockets/"];

impl Wasi {
    pub(crate) fn refuses(self, import: &str) -> bool {
        self == Self::Strict && REFUSED.iter().any(|package| import.starts_with(package))
    }
}

/// The most bytes that a guest writes to a stream in one call.
const WRITE_MAX: usize = 64 * 1024;

/// The WASI context of one task.
pub(crate) fn inert(log: &TaskLog) -> WasiCtx {
    let mut builder = WasiCtxBuilder::new();
    builder
        .stdout(Captured { log: log.clone(), source: LogSource::Stdout })
        .stderr(Captured { log: log.clone(), source: LogSource::Stderr })
        .max_random_size(RANDOM_MAX as u64)
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        // The switches above refuse by themselves; this refuses every address should one of them be forgotten.
        .socket_addr_check(|_, _| Box::pin(std::future::ready(false)));
    builder.build()
}

/// An output stream into the task log. It takes everything at once; what is beyond the cap is counted and dropped, so
/// that a skill that prints too much is not ended for it.
#[derive(Clone)]
struct Captured {
    log: TaskLog,
    source: LogSource,
}

impl IsTerminal for Captured {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Captured {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Captured {
    async fn ready(&mut self) {}
}

impl OutputStream for Captured {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.log.output(self.source, &bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_MAX)
    }
}

impl AsyncWrite for Captured {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.log.output(self.source, bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
