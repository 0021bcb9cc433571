//! Records as lines into anything that takes bytes: a terminal, a file, a pipe.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use tokio::sync::oneshot;

use super::queue::{send, submit};
use super::{Receipt, Record, Sink, SinkError, text};
use crate::clock;

/// How many records may wait for the writer before the sink answers [`SinkError::Full`].
const QUEUE: usize = 1024;

/// How a record is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    JsonLines,
    /// One line for people.
    Text,
}

/// A sink that writes lines from a thread of its own, so that a writer that blocks holds up nobody who does not wait for
/// it. A record is accepted when the writer has taken all of its line and was flushed.
#[derive(Debug)]
pub struct WriterSink {
    queue: SyncSender<Job>,
}

enum Job {
    Write(Arc<Record>, oneshot::Sender<Result<(), SinkError>>),
    Flush(SyncSender<()>),
}

impl WriterSink {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// The operating system did not start a thread.
    pub fn spawn(writer: impl Write + Send + 'static, format: Format) -> io::Result<Arc<Self>> {
        let (queue, jobs) = sync_channel(QUEUE);
        crate::thread::spawn("far-pal", move || write_all(writer, format, &jobs))?;
        Ok(Arc::new(Self { queue }))
    }

    /// Waits until everything submitted before was written, or the time is over; says which. Blocks.
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
        submit(&self.queue, |word| Job::Write(record.clone(), word))
    }
}

fn write_all(mut writer: impl Write, format: Format, jobs: &Receiver<Job>) {
    let mut line = Vec::new();
    // Whether the writer may have taken a part of a line: what comes next must not continue it.
    let mut torn = false;
    for job in jobs {
        match job {
            Job::Write(record, word) => {
                let mended = if torn { writer.write_all(b"\n") } else { Ok(()) };
                let written = mended.and_then(|()| write_line(&mut writer, format, &record, &mut line));
                torn = written.is_err();
                // Whoever asked may have stopped waiting.
                let _ = word.send(written.map_err(|error| SinkError::Write(error.kind())));
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
    // One write for a whole line, so that lines of several writers into one file do not mix.
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
    async fn a_record_is_accepted_when_it_is_written() {
        let (mut reader, writer) = io::pipe().unwrap();
        let sink = WriterSink::spawn(writer, Format::JsonLines).unwrap();
        let pal = Pal::builder().required_sink(sink.clone(), Duration::from_secs(10)).build();
        pal.record(&subject(), Event::secret_listed()).await.unwrap();
        drop((pal, sink));
        let written = io::read_to_string(&mut reader).unwrap();
        assert!(written.ends_with("\"event\":\"secret.listed\"}\n"), "{written}");
    }

    #[tokio::test]
    async fn a_full_disk_is_an_error() {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let sink = WriterSink::spawn(full, Format::JsonLines).unwrap();
        let pal = Pal::builder().required_sink(sink, Duration::from_secs(10)).build();
        let recorded = pal.record(&subject(), Event::secret_listed()).await;
        assert_eq!(recorded, Err(AuditUnavailable(SinkError::Write(io::ErrorKind::StorageFull))));
    }

    #[tokio::test]
    async fn a_pipe_that_nobody_reads_is_an_error_in_time() {
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
