//! The log: one order of records, several sinks, and a live broadcast.

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

/// The number of records that a subscription may lag before it loses some.
const BROADCAST_CAPACITY: usize = 1024;
/// The maximum deadline of a sink. A later instant may not be representable.
const MAX_DEADLINE: Duration = Duration::from_secs(60 * 60);

/// The Process Activity Log of one agent.
pub struct Pal {
    sinks: Vec<SinkEntry>,
    broadcast: broadcast::Sender<Arc<Record>>,
    /// The last sequence number. Locked while a record is submitted, so that all sinks see one
    /// order.
    seq: Mutex<u64>,
}

struct SinkEntry {
    sink: Arc<dyn Sink>,
    /// `None` for an optional sink.
    required: Option<RequiredSink>,
}

/// The state of a required sink.
struct RequiredSink {
    deadline: Duration,
    /// The sequence number of the last record that the sink accepted.
    last_accepted: AtomicU64,
    /// The sequence number of the last record that the sink rejected.
    last_failed: AtomicU64,
}

impl RequiredSink {
    fn note_result(&self, seq: u64, result: &Result<(), SinkError>) {
        let last = if result.is_ok() { &self.last_accepted } else { &self.last_failed };
        last.fetch_max(seq, Ordering::AcqRel);
    }

    fn is_ready(&self) -> bool {
        self.last_accepted.load(Ordering::Acquire) >= self.last_failed.load(Ordering::Acquire)
    }
}

/// A required sink did not accept a record. The recorded action must not happen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the audit log is unavailable")]
pub struct AuditUnavailable(#[from] pub SinkError);

/// A builder of a [`Pal`].
#[derive(Default)]
pub struct PalBuilder {
    sinks: Vec<SinkEntry>,
}

impl PalBuilder {
    /// Adds an optional sink. The log ignores its errors.
    #[must_use]
    pub fn sink(mut self, sink: Arc<dyn Sink>) -> Self {
        self.sinks.push(SinkEntry { sink, required: None });
        self
    }

    /// Adds a required sink. The host releases no value unless the sink accepts the record within
    /// `deadline`, which is at most an hour.
    #[must_use]
    pub fn required_sink(mut self, sink: Arc<dyn Sink>, deadline: Duration) -> Self {
        let deadline = deadline.min(MAX_DEADLINE);
        let required = RequiredSink { deadline, last_accepted: AtomicU64::new(0), last_failed: AtomicU64::new(0) };
        self.sinks.push(SinkEntry { sink, required: Some(required) });
        self
    }

    /// Builds the log.
    pub fn build(self) -> Arc<Pal> {
        let (broadcast, _) = broadcast::channel(BROADCAST_CAPACITY);
        Arc::new(Pal { sinks: self.sinks, broadcast, seq: Mutex::new(0) })
    }
}

impl Pal {
    /// Returns a builder of a log without sinks.
    pub fn builder() -> PalBuilder {
        PalBuilder::default()
    }

    /// Records an event, and waits until every required sink has accepted it.
    ///
    /// # Errors
    ///
    /// [`AuditUnavailable`] if a required sink fails, is full, or misses its deadline.
    pub async fn record(&self, subject: &Arc<Subject>, event: Event) -> Result<(), AuditUnavailable> {
        let mut waiting = Vec::new();
        let mut failed = None;
        self.submit(subject, event, |required, seq, receipt| match receipt {
            Receipt::Ready(result) => {
                required.note_result(seq, &result);
                failed = result.err().or(failed.take());
            }
            Receipt::Pending(_) => waiting.push((required, seq, receipt, clock::now() + required.deadline)),
        });
        for (required, seq, receipt, deadline) in waiting {
            let result = timeout_at(deadline.into(), receipt.wait()).await.unwrap_or(Err(SinkError::Deadline));
            required.note_result(seq, &result);
            failed = result.err().or(failed);
        }
        failed.map_or(Ok(()), |error| Err(AuditUnavailable(error)))
    }

    /// Records an event without waiting for a sink, such as during a task's teardown.
    pub fn note(&self, subject: &Arc<Subject>, event: Event) {
        self.submit(subject, event, |required, seq, receipt| {
            if let Receipt::Ready(result) = receipt {
                required.note_result(seq, &result);
            }
        });
    }

    /// Returns true if every required sink accepted the last record that it acknowledged or
    /// rejected, so that the host may release values.
    ///
    /// An accepted record makes it true again. A caller that pauses while this is false has to
    /// record an event from time to time.
    pub fn is_ready(&self) -> bool {
        self.sinks.iter().filter_map(|entry| entry.required.as_ref()).all(RequiredSink::is_ready)
    }

    /// Subscribes to the records from now on.
    pub fn subscribe(&self) -> Subscription {
        Subscription(self.broadcast.subscribe())
    }

    fn submit<'a>(
        &'a self,
        subject: &Arc<Subject>,
        event: Event,
        mut required: impl FnMut(&'a RequiredSink, u64, Receipt),
    ) {
        let mut seq = self.seq.lock();
        *seq += 1;
        let record = Arc::new(Record { v: 1, seq: *seq, ts: clock::wall_time(), subject: subject.clone(), event });
        for entry in &self.sinks {
            // A panic during the teardown after another panic would abort the process.
            let submitted = catch_unwind(AssertUnwindSafe(|| entry.sink.submit(&record)));
            let receipt = match submitted {
                Ok(receipt) => receipt,
                Err(_panic) => Receipt::Ready(Err(SinkError::Panicked)),
            };
            if let Some(sink) = &entry.required {
                required(sink, *seq, receipt);
            }
        }
        // An error means that there is no subscription.
        let _ = self.broadcast.send(record);
    }
}

impl fmt::Debug for Pal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pal").field("sinks", &self.sinks.len()).finish_non_exhaustive()
    }
}

/// A live subscription to the log.
#[derive(Debug)]
pub struct Subscription(broadcast::Receiver<Arc<Record>>);

/// An item of a [`Subscription`].
#[derive(Clone, Debug)]
pub enum SubscriptionItem {
    /// The next record.
    Record(Arc<Record>),
    /// The number of records lost because the reader was too slow.
    Lagged(u64),
}

impl Subscription {
    /// Waits for the next item. Returns `None` when the log is dropped.
    pub async fn next(&mut self) -> Option<SubscriptionItem> {
        match self.0.recv().await {
            Ok(record) => Some(SubscriptionItem::Record(record)),
            Err(broadcast::error::RecvError::Lagged(count)) => Some(SubscriptionItem::Lagged(count)),
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

    struct FakeSink(fn() -> Receipt);

    impl Sink for FakeSink {
        fn submit(&self, _: &Arc<Record>) -> Receipt {
            (self.0)()
        }
    }

    fn subject() -> Arc<Subject> {
        let agent_id = AgentId::parse("a1").unwrap();
        Arc::new(Subject { task_id: None, agent_id, skill: None, skill_digest: None })
    }

    fn hanging() -> Receipt {
        let (sender, receipt) = tokio::sync::oneshot::channel();
        std::mem::forget(sender);
        Receipt::Pending(receipt)
    }

    const DEADLINE: Duration = Duration::from_secs(5);

    fn requested() -> Event {
        Event::secret_requested(&"secret".parse().unwrap(), &"provider".parse().unwrap(), None)
    }

    #[tokio::test(start_paused = true)]
    async fn required_sink_failure_fails_record() {
        let cases: [(fn() -> Receipt, SinkError); 4] = [
            (|| Receipt::Ready(Err(SinkError::Full)), SinkError::Full),
            (hanging, SinkError::Deadline),
            (|| Receipt::Pending(tokio::sync::oneshot::channel().1), SinkError::Closed),
            (|| panic!("a defect of the sink, as part of the test"), SinkError::Panicked),
        ];
        for (broken, error) in cases {
            let pal = Pal::builder().required_sink(Arc::new(FakeSink(broken)), DEADLINE).build();
            let recorded = pal.record(&subject(), requested()).await;
            assert_eq!(recorded, Err(AuditUnavailable(error)));
        }
    }

    #[tokio::test]
    async fn optional_sink_failure_is_ignored() {
        let memory = MemorySink::new();
        let pal = Pal::builder()
            .sink(Arc::new(FakeSink(hanging)))
            .sink(Arc::new(FakeSink(|| Receipt::Ready(Err(SinkError::Full)))))
            .sink(Arc::new(FakeSink(|| panic!("a defect of the sink, as part of the test"))))
            .required_sink(memory.clone(), DEADLINE)
            .build();
        pal.record(&subject(), requested()).await.unwrap();
        assert_eq!(memory.kinds(), [EventKind::SecretRequested]);
    }

    #[tokio::test(start_paused = true)]
    async fn readiness_follows_required_sink() {
        static ANSWER: Mutex<fn() -> Receipt> = Mutex::new(|| Receipt::Ready(Ok(())));
        let pal = Pal::builder().required_sink(Arc::new(FakeSink(|| ANSWER.lock()())), DEADLINE).build();
        assert!(pal.is_ready(), "no sink has failed yet");
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
        *ANSWER.lock() = || panic!("a defect of the sink, as part of the test");
        pal.note(&subject(), Event::secret_listed());
        assert!(!pal.is_ready(), "a record without a waiter counts too");
    }

    #[tokio::test(start_paused = true)]
    async fn late_failure_keeps_log_ready() {
        static ANSWER: Mutex<fn() -> Receipt> = Mutex::new(hanging);
        let other = FakeSink(|| Receipt::Ready(Err(SinkError::Full)));
        let sink = Arc::new(FakeSink(|| ANSWER.lock()()));
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
    async fn slow_subscription_reports_lag() {
        let pal = Pal::builder().build();
        let mut reader = pal.subscribe();
        for _ in 0..BROADCAST_CAPACITY + 3 {
            pal.note(&subject(), Event::secret_listed());
        }
        assert!(matches!(reader.next().await, Some(SubscriptionItem::Lagged(3))));
        assert!(matches!(reader.next().await, Some(SubscriptionItem::Record(record)) if record.seq == 4));
        drop(pal);
    }

    #[test]
    fn concurrent_records_have_one_order() {
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
