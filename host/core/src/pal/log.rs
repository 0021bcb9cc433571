//! The log itself: one order, many sinks, a live broadcast.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::broadcast;
use tokio::time::{Instant, timeout_at};

use super::{Event, Receipt, Record, Sink, SinkError, Subject};

/// How many records a live reader may be behind before it misses some.
const BROADCAST_CAPACITY: usize = 1024;
/// The longest time that a record waits for a sink, whatever is asked for: an instant beyond it may not exist.
const LONGEST_DEADLINE: Duration = Duration::from_secs(60 * 60);

/// The Process Activity Log of one agent.
pub struct Pal {
    sinks: Vec<Attached>,
    broadcast: broadcast::Sender<Arc<Record>>,
    /// The last sequence number. Held while a record is handed out, so that all see one order.
    seq: Mutex<u64>,
}

struct Attached {
    sink: Arc<dyn Sink>,
    /// How long a record may wait for this sink's word; none if nothing waits for it.
    required_within: Option<Duration>,
}

/// A required sink did not take a record: what the record is about must not happen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the audit log is unavailable")]
pub struct AuditUnavailable(#[from] pub SinkError);

/// Makes a [`Pal`].
#[derive(Default)]
pub struct PalBuilder {
    sinks: Vec<Attached>,
}

impl PalBuilder {
    /// Adds a sink that nothing waits for: what it loses is lost.
    #[must_use]
    pub fn sink(mut self, sink: Arc<dyn Sink>) -> Self {
        self.sinks.push(Attached { sink, required_within: None });
        self
    }

    /// Adds a sink without whose word, within the deadline (of an hour at most), no value is released.
    #[must_use]
    pub fn required_sink(mut self, sink: Arc<dyn Sink>, deadline: Duration) -> Self {
        self.sinks.push(Attached { sink, required_within: Some(deadline.min(LONGEST_DEADLINE)) });
        self
    }

    /// The log.
    pub fn build(self) -> Arc<Pal> {
        let (broadcast, _) = broadcast::channel(BROADCAST_CAPACITY);
        Arc::new(Pal { sinks: self.sinks, broadcast, seq: Mutex::new(0) })
    }
}

impl Pal {
    /// A log without sinks.
    pub fn builder() -> PalBuilder {
        PalBuilder::default()
    }

    /// Records an event and waits until every required sink has taken it.
    ///
    /// # Errors
    ///
    /// [`AuditUnavailable`] if a required sink failed, is full, or let its deadline pass.
    pub async fn record(&self, subject: &Arc<Subject>, event: Event) -> Result<(), AuditUnavailable> {
        let mut waiting = Vec::new();
        let mut failed = None;
        self.hand_out(subject, event, |receipt, within| match receipt {
            Receipt::Ready(Ok(())) => {}
            Receipt::Ready(Err(error)) => failed = Some(error),
            Receipt::Pending(_) => waiting.push((receipt, Instant::now() + within)),
        });
        for (receipt, deadline) in waiting {
            match timeout_at(deadline, receipt.accepted()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => failed = Some(error),
                Err(_) => failed = Some(SinkError::Deadline),
            }
        }
        failed.map_or(Ok(()), |error| Err(AuditUnavailable(error)))
    }

    /// Records an event that nothing can wait for, such as one of a task's teardown.
    pub fn note(&self, subject: &Arc<Subject>, event: Event) {
        self.hand_out(subject, event, |_, _| {});
    }

    /// Follows the log from now on.
    pub fn subscribe(&self) -> Subscription {
        Subscription(self.broadcast.subscribe())
    }

    fn hand_out(&self, subject: &Arc<Subject>, event: Event, mut required: impl FnMut(Receipt, Duration)) {
        let mut seq = self.seq.lock();
        *seq += 1;
        let record = Arc::new(Record { v: 1, seq: *seq, ts: Timestamp::now(), subject: subject.clone(), event });
        for attached in &self.sinks {
            // Records are noted while a task is torn down, perhaps for a panic: a second one would end the process.
            let submitted = catch_unwind(AssertUnwindSafe(|| attached.sink.submit(&record)));
            let receipt = submitted.unwrap_or(Receipt::Ready(Err(SinkError::Panicked)));
            if let Some(within) = attached.required_within {
                required(receipt, within);
            }
        }
        // An error says that nobody reads; that is fine.
        let _ = self.broadcast.send(record);
    }
}

impl fmt::Debug for Pal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pal").field("sinks", &self.sinks.len()).finish_non_exhaustive()
    }
}

/// A live reader of the log.
#[derive(Debug)]
pub struct Subscription(broadcast::Receiver<Arc<Record>>);

/// What a live reader gets next.
#[derive(Clone, Debug)]
pub enum Reading {
    /// The next record.
    Record(Arc<Record>),
    /// So many records were dropped because the reader was too slow.
    Missed(u64),
}

impl Subscription {
    /// Waits for what comes next; none when the log is gone.
    pub async fn next(&mut self) -> Option<Reading> {
        match self.0.recv().await {
            Ok(record) => Some(Reading::Record(record)),
            Err(broadcast::error::RecvError::Lagged(missed)) => Some(Reading::Missed(missed)),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::AgentId;
    use crate::pal::{EventKind, MemorySink};

    struct Broken(fn() -> Receipt);

    impl Sink for Broken {
        fn submit(&self, _: &Arc<Record>) -> Receipt {
            (self.0)()
        }
    }

    fn subject() -> Arc<Subject> {
        let agent_id = AgentId::parse("a1").unwrap();
        Arc::new(Subject { task_id: None, agent_id, skill: None, skill_digest: None })
    }

    fn hanging() -> Receipt {
        let (word, receipt) = tokio::sync::oneshot::channel();
        std::mem::forget(word);
        Receipt::Pending(receipt)
    }

    const DEADLINE: Duration = Duration::from_secs(5);

    #[tokio::test(start_paused = true)]
    async fn a_required_sink_gates() {
        let cases: [(fn() -> Receipt, SinkError); 4] = [
            (|| Receipt::Ready(Err(SinkError::Full)), SinkError::Full),
            (hanging, SinkError::Deadline),
            (|| Receipt::Pending(tokio::sync::oneshot::channel().1), SinkError::Closed),
            (|| panic!("a defect of the sink; this is part of the test"), SinkError::Panicked),
        ];
        for (broken, error) in cases {
            let pal = Pal::builder().required_sink(Arc::new(Broken(broken)), DEADLINE).build();
            let recorded = pal.record(&subject(), Event::new(EventKind::SecretRequested)).await;
            assert_eq!(recorded, Err(AuditUnavailable(error)));
        }
    }

    #[tokio::test]
    async fn a_sink_that_is_not_required_does_not_gate() {
        let memory = MemorySink::new();
        let pal = Pal::builder()
            .sink(Arc::new(Broken(hanging)))
            .sink(Arc::new(Broken(|| Receipt::Ready(Err(SinkError::Full)))))
            .sink(Arc::new(Broken(|| panic!("a defect of the sink; this is part of the test"))))
            .required_sink(memory.clone(), DEADLINE)
            .build();
        pal.record(&subject(), Event::new(EventKind::SecretRequested)).await.unwrap();
        assert_eq!(memory.kinds(), [EventKind::SecretRequested]);
    }

    #[tokio::test]
    async fn a_slow_reader_is_told_what_it_missed() {
        let pal = Pal::builder().build();
        let mut reader = pal.subscribe();
        for _ in 0..BROADCAST_CAPACITY + 3 {
            pal.note(&subject(), Event::new(EventKind::SecretListed));
        }
        assert!(matches!(reader.next().await, Some(Reading::Missed(3))));
        assert!(matches!(reader.next().await, Some(Reading::Record(record)) if record.seq == 4));
        drop(pal);
    }

    #[test]
    fn all_see_one_order() {
        let memory = MemorySink::new();
        let pal = Pal::builder().sink(memory.clone()).build();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..500).for_each(|_| pal.note(&subject(), Event::new(EventKind::SecretListed))));
            }
        });
        let seqs: Vec<_> = memory.records().iter().map(|record| record.seq).collect();
        assert_eq!(seqs, (1..=2000).collect::<Vec<_>>());
    }
}
