//! The log itself: one order, many sinks, a live broadcast.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::broadcast;
use tokio::time::timeout_at;

use super::{Event, Receipt, Record, Sink, SinkError, Subject};
use crate::clock;

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
    /// None if nothing waits for it.
    required: Option<Required>,
}

/// What is known of a required sink.
struct Required {
    /// How long a record may wait for its word.
    within: Duration,
    /// The last records, by their sequence numbers, that it is known to have taken, and to have failed.
    taken: AtomicU64,
    failed: AtomicU64,
}

impl Required {
    fn learn(&self, seq: u64, result: &Result<(), SinkError>) {
        let last = if result.is_ok() { &self.taken } else { &self.failed };
        last.fetch_max(seq, Ordering::AcqRel);
    }

    fn is_ready(&self) -> bool {
        self.taken.load(Ordering::Acquire) >= self.failed.load(Ordering::Acquire)
    }
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
        self.sinks.push(Attached { sink, required: None });
        self
    }

    /// Adds a sink without whose word, within the deadline (of an hour at most), no value is released.
    #[must_use]
    pub fn required_sink(mut self, sink: Arc<dyn Sink>, deadline: Duration) -> Self {
        let within = deadline.min(LONGEST_DEADLINE);
        let required = Required { within, taken: AtomicU64::new(0), failed: AtomicU64::new(0) };
        self.sinks.push(Attached { sink, required: Some(required) });
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
        self.hand_out(subject, event, |required, seq, receipt| match receipt {
            Receipt::Ready(result) => {
                required.learn(seq, &result);
                failed = result.err().or(failed.take());
            }
            Receipt::Pending(_) => waiting.push((required, seq, receipt, clock::now() + required.within)),
        });
        for (required, seq, receipt, deadline) in waiting {
            let result = timeout_at(deadline.into(), receipt.accepted()).await.unwrap_or(Err(SinkError::Deadline));
            required.learn(seq, &result);
            failed = result.err().or(failed);
        }
        failed.map_or(Ok(()), |error| Err(AuditUnavailable(error)))
    }

    /// Records an event that nothing can wait for, such as one of a task's teardown.
    pub fn note(&self, subject: &Arc<Subject>, event: Event) {
        self.hand_out(subject, event, |required, seq, receipt| {
            if let Receipt::Ready(result) = receipt {
                required.learn(seq, &result);
            }
        });
    }

    /// Whether every required sink took the last record that its word is known of, so that values can be released.
    ///
    /// It becomes true again with a record that is taken: who stops working while it is false goes on to try one now and
    /// then.
    pub fn is_ready(&self) -> bool {
        self.sinks.iter().filter_map(|attached| attached.required.as_ref()).all(Required::is_ready)
    }

    /// Follows the log from now on.
    pub fn subscribe(&self) -> Subscription {
        Subscription(self.broadcast.subscribe())
    }

    fn hand_out<'a>(
        &'a self,
        subject: &Arc<Subject>,
        event: Event,
        mut required: impl FnMut(&'a Required, u64, Receipt),
    ) {
        let mut seq = self.seq.lock();
        *seq += 1;
        let record = Arc::new(Record { v: 1, seq: *seq, ts: clock::wall_time(), subject: subject.clone(), event });
        for attached in &self.sinks {
            // Records are noted while a task is torn down, perhaps for a panic: a second one would end the process.
            let submitted = catch_unwind(AssertUnwindSafe(|| attached.sink.submit(&record)));
            let receipt = match submitted {
                Ok(receipt) => receipt,
                Err(_panic) => Receipt::Ready(Err(SinkError::Panicked)),
            };
            if let Some(of) = &attached.required {
                required(of, *seq, receipt);
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
    use far_capability::AgentId;
    use futures_util::FutureExt;

    use super::*;
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

    fn requested() -> Event {
        Event::secret_requested(&"secret".parse().unwrap(), &"provider".parse().unwrap(), None)
    }

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
            let recorded = pal.record(&subject(), requested()).await;
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
        pal.record(&subject(), requested()).await.unwrap();
        assert_eq!(memory.kinds(), [EventKind::SecretRequested]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_log_is_ready_while_what_it_requires_takes_records() {
        static ANSWER: Mutex<fn() -> Receipt> = Mutex::new(|| Receipt::Ready(Ok(())));
        let pal = Pal::builder().required_sink(Arc::new(Broken(|| ANSWER.lock()())), DEADLINE).build();
        assert!(pal.is_ready(), "nothing is known against it");
        let broken: [fn() -> Receipt; 3] =
            [|| Receipt::Ready(Err(SinkError::Full)), hanging, || Receipt::Pending(tokio::sync::oneshot::channel().1)];
        for broken in broken {
            *ANSWER.lock() = broken;
            pal.record(&subject(), requested()).await.unwrap_err();
            assert!(!pal.is_ready());
            *ANSWER.lock() = || Receipt::Ready(Ok(()));
            pal.record(&subject(), requested()).await.unwrap();
            assert!(pal.is_ready());
        }
        *ANSWER.lock() = || panic!("a defect of the sink; this is part of the test");
        pal.note(&subject(), Event::secret_listed());
        assert!(!pal.is_ready(), "what nobody waits for says so too");
    }

    #[tokio::test(start_paused = true)]
    async fn an_old_failure_does_not_count_against_a_later_success() {
        static ANSWER: Mutex<fn() -> Receipt> = Mutex::new(hanging);
        let other = Broken(|| Receipt::Ready(Err(SinkError::Full)));
        let sink = Arc::new(Broken(|| ANSWER.lock()()));
        let pal = Pal::builder().sink(Arc::new(other)).required_sink(sink, DEADLINE).build();
        let subject = subject();
        let mut late = Box::pin(pal.record(&subject, requested()));
        assert!((&mut late).now_or_never().is_none());
        *ANSWER.lock() = || Receipt::Ready(Ok(()));
        pal.record(&subject, requested()).await.unwrap();
        late.await.unwrap_err();
        assert!(pal.is_ready());
    }

    #[tokio::test]
    async fn a_slow_reader_is_told_what_it_missed() {
        let pal = Pal::builder().build();
        let mut reader = pal.subscribe();
        for _ in 0..BROADCAST_CAPACITY + 3 {
            pal.note(&subject(), Event::secret_listed());
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
                scope.spawn(|| (0..500).for_each(|_| pal.note(&subject(), Event::secret_listed())));
            }
        });
        let seqs: Vec<_> = memory.records().iter().map(|record| record.seq).collect();
        assert_eq!(seqs, (1..=2000).collect::<Vec<_>>());
    }
}
