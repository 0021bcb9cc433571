//! WASI 0.2 without access to the machine.
//!
//! Every interface is linked, so that components of all toolchains load. A guest gets no
//! environment, arguments, directories, addresses or name lookups, and an empty stdin. Clocks and
//! random numbers work; stdout and stderr go to the task log.

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

/// The WASI interfaces that a component may import. None gives access to the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wasi {
    /// Every interface, for components of any toolchain.
    #[default]
    Inert,
    /// No files and no sockets: a component that imports them is refused, even if it does not use
    /// them.
    ///
    /// Rust components import only the interfaces that they use, so the examples of this repository
    /// load. A component with an embedded interpreter, such as for Python or JavaScript, usually
    /// imports both.
    Strict,
}

/// The packages that [`Wasi::Strict`] refuses.
const REFUSED: [&str; 2] = ["wasi:filesystem/", "wasi:sockets/"];

impl Wasi {
    pub(crate) fn refuses(self, import: &str) -> bool {
        self == Self::Strict && REFUSED.iter().any(|package| import.starts_with(package))
    }
}

/// The number of bytes that a stream accepts per write.
const WRITE_MAX: usize = 64 * 1024;

/// Creates the WASI context of a task.
pub(crate) fn inert(log: &TaskLog) -> WasiCtx {
    let mut builder = WasiCtxBuilder::new();
    builder
        .stdout(LogStream { log: log.clone(), source: LogSource::Stdout })
        .stderr(LogStream { log: log.clone(), source: LogSource::Stderr })
        .max_random_size(RANDOM_MAX as u64)
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        // Defense in depth: refuses every address if one of the switches above is forgotten.
        .socket_addr_check(|_, _| Box::pin(std::future::ready(false)));
    builder.build()
}

/// An output stream to the task log. It accepts every write; bytes beyond the log's limit are
/// counted and dropped.
#[derive(Clone)]
struct LogStream {
    log: TaskLog,
    source: LogSource,
}

impl IsTerminal for LogStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogStream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for LogStream {
    async fn ready(&mut self) {}
}

impl OutputStream for LogStream {
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

impl AsyncWrite for LogStream {
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
