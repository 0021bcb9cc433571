//! A sink that writes records as lines to a terminal, a file or a pipe.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use tokio::sync::oneshot;

use super::queue::{send, submit};
use super::{Receipt, Record, Sink, SinkError, text};
use crate::clock;

/// The number of records that may wait for the writer. Then the sink returns [`SinkError::Full`].
const QUEUE_CAPACITY: usize = 1024;

/// The format of a written record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object per line.
    JsonLines,
    /// One readable line per record.
    Text,
}

/// A sink that writes lines from a separate thread, so that a blocked writer delays only callers
/// that wait for it. It accepts a record when its line is written and flushed.
#[derive(Debug)]
pub struct WriterSink {
    queue: SyncSender<Job>,
}

enum Job {
    Write(Arc<Record>, oneshot::Sender<Result<(), SinkError>>),
    Flush(SyncSender<()>),
}

impl WriterSink {
    /// Starts the writer thread.
    ///
    /// # Errors
    ///
    /// The operating system did not start a thread.
    pub fn spawn(writer: impl Write + Send + 'static, format: Format) -> io::Result<Arc<Self>> {
        let (queue, jobs) = sync_channel(QUEUE_CAPACITY);
        crate::thread::spawn("far-pal", move || write_all(writer, format, &jobs))?;
        Ok(Arc::new(Self { queue }))
    }

    /// Waits until the earlier records are written. Returns false if that takes longer than
    /// `within`. Blocks.
    pub fn flush(&self, within: Duration) -> bool {
        let (done, wait) = sync_channel(1);
        let start = clock::machine_now();
        if send(&self.queue, Job::Flush(done), within).is_err() {
            return false;
        }
        wait.recv_timeout(within.saturating_sub(clock::machine_since(start))).is_ok()
    }
}

impl Sink for WriterSink {
    fn submit(&self, record: &Arc<Record>) -> Receipt {
        submit(&self.queue, |ack| Job::Write(record.clone(), ack))
    }
}

fn write_all(mut writer: impl Write, format: Format, jobs: &Receiver<Job>) {
    let mut line = Vec::new();
    // Set after a partial write, which the next record must not continue.
    let mut is_partial = false;
    for job in jobs {
        match job {
            Job::Write(record, ack) => {
                let separated = if is_partial { writer.write_all(b"\n") } else { Ok(()) };
                let written = separated.and_then(|()| write_line(&mut writer, format, &record, &mut line));
                is_partial = written.is_err();
                // The caller may have stopped waiting.
                let _ = ack.send(written.map_err(|error| SinkError::Write(error.kind())));
            }
            Job::Flush(done) => drop(done.send(())),
        }
    }
}

fn write_line(writer: &mut impl Write, format: Format, record: &Record, line: &mut Vec<u8>) -> io::Result<()> {
    line.clear();
    match format {
        Format::JsonLines => serde_json::to_writer(&mut *line, record)?,
        Format::Text => line.extend_from_slice(text::line(record).as_bytes()),
    }
    line.push(b'\n');
    // A single write per line keeps lines of concurrent writers apart.
    writer.write_all(line)?;
    writer.flush()
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;

    use far_capability::AgentId;

    use super::*;
    use crate::pal::{AuditUnavailable, Event, Pal, Subject};

    fn subject() -> Arc<Subject> {
        let agent_id = AgentId::parse("a1").unwrap();
        Arc::new(Subject { task_id: None, agent_id, skill: None, skill_digest: None })
    }

    #[tokio::test]
    async fn record_is_accepted_after_write() {
        let (mut reader, writer) = io::pipe().unwrap();
        let sink = WriterSink::spawn(writer, Format::JsonLines).unwrap();
        let pal = Pal::builder().required_sink(sink.clone(), Duration::from_secs(10)).build();
        pal.record(&subject(), Event::secret_listed()).await.unwrap();
        drop((pal, sink));
        let written = io::read_to_string(&mut reader).unwrap();
        assert!(written.ends_with("\"event\":\"secret.listed\"}\n"), "{written}");
    }

    #[tokio::test]
    async fn full_disk_fails_record() {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let sink = WriterSink::spawn(full, Format::JsonLines).unwrap();
        let pal = Pal::builder().required_sink(sink, Duration::from_secs(10)).build();
        let recorded = pal.record(&subject(), Event::secret_listed()).await;
        assert_eq!(recorded, Err(AuditUnavailable(SinkError::Write(io::ErrorKind::StorageFull))));
    }

    #[tokio::test]
    async fn unread_pipe_fails_at_deadline() {
        let (_reader, writer) = io::pipe().unwrap();
        let sink = WriterSink::spawn(writer, Format::Text).unwrap();
        let pal = Pal::builder().required_sink(sink.clone(), Duration::from_millis(200)).build();
        let failed = loop {
            if let Err(error) = pal.record(&subject(), Event::secret_listed()).await {
                break error;
            }
        };
        assert_eq!(failed, AuditUnavailable(SinkError::Deadline));
        assert!(!sink.flush(Duration::from_millis(10)));
    }
}
