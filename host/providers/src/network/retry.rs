//! A call of a backend, with all its attempts.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use far_core::clock;
use far_core::provider::ProviderError;
use tokio::time::{sleep, sleep_until, timeout_at};

use super::breaker::Breaker;
use super::bucket::Bucket;
use super::{Metrics, Settings};

/// The longest that a backend can have all calls wait. One that asks for more is asked again after this.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The longest pause between tries that nobody waits for, before what is added.
#[cfg(feature = "vault")]
const LONGEST_LATER: Duration = Duration::from_secs(60);

/// What stands around every call of one backend.
pub(crate) struct Shell {
    settings: Settings,
    breaker: Breaker,
    bucket: Bucket,
    metrics: Arc<Metrics>,
}

/// Why an attempt gave nothing.
enum Failed {
    /// The backend was not asked, and is not to be.
    Unasked(ProviderError),
    /// It was.
    Asked(ProviderError),
}

impl Shell {
    pub(crate) fn new(settings: Settings, metrics: Arc<Metrics>) -> Self {
        Self {
            settings,
            breaker: Breaker::new(settings.failures, settings.rest),
            bucket: Bucket::new(settings.per_second, settings.burst),
            metrics,
        }
    }

    /// Asks the backend, again where that may help, until the deadline.
    ///
    /// # Errors
    ///
    /// The last attempt's. `Unavailable` without an attempt while the circuit is open, `Throttled` if there is no token
    /// before the deadline.
    pub(crate) async fn call<T, F>(&self, attempt: impl Fn() -> F) -> Result<T, ProviderError>
    where
        F: Future<Output = Result<T, ProviderError>>,
    {
        self.metrics.calls.add();
        let deadline = clock::now() + self.settings.deadline;
        let mut pauses = self.pauses();
        let result = loop {
            let error = match self.attempt(deadline, &attempt).await {
                Ok(answer) => break Ok(answer),
                Err(Failed::Unasked(error)) => break Err(error),
                Err(Failed::Asked(error)) => error,
            };
            let Some(pause) = pause(error, &mut pauses) else { break Err(error) };
            // Not the instant after it, which may not exist.
            if pause >= deadline.saturating_duration_since(clock::now()) {
                break Err(error);
            }
            sleep(pause).await;
            self.metrics.retries.add();
        };
        self.metrics.ended(&result);
        result
    }

    /// Asks the backend once: for what is not to be done twice, since an answer that was lost does not say whether it was done.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    #[cfg(feature = "vault")]
    pub(crate) async fn once<T, F>(&self, attempt: impl Fn() -> F) -> Result<T, ProviderError>
    where
        F: Future<Output = Result<T, ProviderError>>,
    {
        self.metrics.calls.add();
        let deadline = clock::now() + self.settings.deadline;
        let result = self.attempt(deadline, &attempt).await;
        let result = result.map_err(|(Failed::Unasked(error) | Failed::Asked(error))| error);
        self.metrics.ended(&result);
        result
    }

    async fn attempt<T, F>(&self, deadline: Instant, attempt: impl Fn() -> F) -> Result<T, Failed>
    where
        F: Future<Output = Result<T, ProviderError>>,
    {
        let throttled = |wait| Failed::Unasked(ProviderError::Throttled { retry_after: Some(wait) });
        sleep_until(self.bucket.take(deadline).map_err(throttled)?.into()).await;
        let Some(entry) = self.breaker.enter() else {
            self.metrics.refused.add();
            return Err(Failed::Unasked(ProviderError::Unavailable));
        };
        self.metrics.attempts.add();
        let until = deadline.min(clock::now() + self.settings.attempt);
        let result = timeout_at(until.into(), attempt()).await.unwrap_or(Err(ProviderError::Timeout));
        match result {
            Err(ProviderError::Unavailable | ProviderError::Timeout) => {
                if entry.failed() {
                    self.metrics.opened.add();
                }
            }
            _ => entry.answered(),
        }
        if let Err(ProviderError::Throttled { retry_after: Some(time) }) = result {
            self.bucket.pause(time.min(LONGEST_WAIT));
        }
        result.map_err(Failed::Asked)
    }

    /// Pauses between tries that nobody waits for: as long as the circuit rests, doubling to a minute, without end.
    #[cfg(feature = "vault")]
    pub(crate) fn later(&self) -> ExponentialBackoff {
        ExponentialBuilder::default()
            .with_min_delay(self.settings.rest)
            .with_max_delay(LONGEST_LATER)
            .without_max_times()
            .with_jitter()
            .build()
    }

    fn pauses(&self) -> ExponentialBackoff {
        ExponentialBuilder::default()
            .with_min_delay(self.settings.first_pause)
            .with_max_delay(self.settings.longest_pause)
            .with_max_times(self.settings.retries)
            .with_jitter()
            .build()
    }
}

/// How long to wait before another attempt, if there is to be one.
fn pause(error: ProviderError, pauses: &mut ExponentialBackoff) -> Option<Duration> {
    match error {
        ProviderError::Unavailable | ProviderError::Timeout => pauses.next(),
        ProviderError::Throttled { retry_after } => Some(pauses.next()?.max(retry_after.unwrap_or_default())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::time::Instant;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn shell(settings: Settings) -> (Shell, Arc<Metrics>) {
        let metrics = Arc::new(Metrics::default());
        (Shell::new(settings, metrics.clone()), metrics)
    }

    /// Fails so many times, then answers.
    fn after(failures: usize, error: ProviderError) -> impl Fn() -> std::future::Ready<Result<(), ProviderError>> {
        let calls = AtomicUsize::new(0);
        move || {
            let failed = calls.fetch_add(1, Ordering::SeqCst) < failures;
            std::future::ready(if failed { Err(error) } else { Ok(()) })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_be_otherwise_is_tried_again_after_pauses_that_are_slept() {
        for error in [ProviderError::Unavailable, ProviderError::Timeout] {
            let (shell, metrics) = shell(Settings::default());
            let start = Instant::now();
            assert_eq!(shell.call(after(3, error)).await, Ok(()));
            // 100, 200 and 400 ms, and up to as much again at random each time.
            let slept = start.elapsed();
            assert!((700..=1500).contains(&slept.as_millis()), "{slept:?}");
            assert_eq!((metrics.calls(), metrics.attempts(), metrics.retries()), (1, 4, 3));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_will_not_change_is_not() {
        use ProviderError::*;
        for error in [NotFound, Denied, Unauthenticated, Sealed, Invalid, Integrity, TooLarge, Unsupported] {
            let (shell, metrics) = shell(Settings::default());
            let start = Instant::now();
            assert_eq!(shell.call(after(1, error)).await, Err(error));
            assert_eq!((metrics.attempts(), start.elapsed()), (1, Duration::ZERO), "{error}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn there_are_so_many_attempts_and_pauses_differ() {
        let mut times = Vec::new();
        for _ in 0..3 {
            let (shell, metrics) = shell(Settings { failures: 100, ..Settings::default() });
            let start = Instant::now();
            assert_eq!(shell.call(after(9, ProviderError::Unavailable)).await, Err(ProviderError::Unavailable));
            assert_eq!(metrics.attempts(), 5);
            times.push(start.elapsed());
        }
        times.dedup();
        assert!(times.len() > 1, "jittered");
    }

    #[tokio::test(start_paused = true)]
    async fn the_backend_says_when_to_come_back() {
        let (shell, _) = shell(Settings::default());
        let start = Instant::now();
        let throttled = ProviderError::Throttled { retry_after: Some(3 * SECOND) };
        assert_eq!(shell.call(after(1, throttled)).await, Ok(()));
        assert!((3..4).contains(&start.elapsed().as_secs()));

        tokio::time::advance(2 * SECOND).await;
        let forever = ProviderError::Throttled { retry_after: Some(Duration::MAX) };
        assert_eq!(self::shell(Settings::default()).0.call(after(1, forever)).await, Err(forever));

        let throttled = ProviderError::Throttled { retry_after: Some(60 * SECOND) };
        let start = Instant::now();
        assert_eq!(shell.call(after(1, throttled)).await, Err(throttled), "not within the deadline");
        assert_eq!(start.elapsed(), Duration::ZERO);
        let others = shell.call(after(0, throttled)).await;
        assert!(matches!(others, Err(ProviderError::Throttled { retry_after: Some(_) })), "nor do others ask");
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_ends_by_its_deadline_and_an_attempt_by_its_own() {
        let (shell, metrics) = shell(Settings::default());
        let start = Instant::now();
        let ended: Result<(), _> = shell.call(std::future::pending).await;
        assert_eq!(ended, Err(ProviderError::Timeout));
        assert!(start.elapsed() <= Settings::default().deadline);
        assert!((2..=3).contains(&metrics.attempts()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_backend_that_does_not_answer_is_left_alone_until_it_does() {
        let (shell, metrics) = shell(Settings { failures: 5, ..Settings::default() });
        let failing = after(5, ProviderError::Unavailable);
        assert!(shell.call(&failing).await.is_err());
        assert_eq!((metrics.opened(), metrics.attempts()), (1, 5));
        let start = Instant::now();
        assert_eq!(shell.call(&failing).await, Err(ProviderError::Unavailable));
        assert_eq!((start.elapsed(), metrics.attempts(), metrics.refused()), (Duration::ZERO, 5, 1), "without a call");
        tokio::time::advance(Settings::default().rest).await;
        assert_eq!(shell.call(&failing).await, Ok(()));
        assert_eq!(shell.call(&failing).await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_of_any_kind_keeps_the_circuit_closed() {
        let (shell, metrics) = shell(Settings { failures: 1, ..Settings::default() });
        for error in [ProviderError::Denied, ProviderError::NotFound, ProviderError::Sealed] {
            assert!(shell.call(after(1, error)).await.is_err());
        }
        assert_eq!(metrics.opened(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn calls_take_turns() {
        let (shell, metrics) = shell(Settings { per_second: 10, burst: 2, ..Settings::default() });
        let start = Instant::now();
        for _ in 0..7 {
            assert!(shell.call(after(0, ProviderError::Invalid)).await.is_ok());
        }
        // The clock of tokio's timers goes by milliseconds.
        assert!((500..=510).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
        assert_eq!(metrics.throttled(), 0);
    }
}
