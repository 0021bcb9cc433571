//! The retry layer: one call of a backend, with all its attempts.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use far_core::clock;
use far_core::provider::ProviderError;
use tokio::time::{sleep, sleep_until, timeout_at};

use super::circuit_breaker::CircuitBreaker;
use super::token_bucket::TokenBucket;
use super::{Metrics, Settings};

/// The longest accepted `Retry-After`. A longer one is shortened to this.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(30);

/// The longest pause between background attempts, without jitter.
#[cfg(feature = "vault")]
const MAX_BACKGROUND_BACKOFF: Duration = Duration::from_secs(60);

/// Deadline, retries, circuit breaker and token bucket around every call of one backend.
pub(crate) struct RetryLayer {
    settings: Settings,
    breaker: CircuitBreaker,
    bucket: TokenBucket,
    metrics: Arc<Metrics>,
}

/// An attempt without a response.
enum AttemptError {
    /// No request was sent, and the call must not be retried.
    NotSent(ProviderError),
    /// The request failed.
    Failed(ProviderError),
}

impl RetryLayer {
    pub(crate) fn new(settings: Settings, metrics: Arc<Metrics>) -> Self {
        Self {
            settings,
            breaker: CircuitBreaker::new(settings.failure_threshold, settings.reset_timeout),
            bucket: TokenBucket::new(settings.attempts_per_second, settings.burst),
            metrics,
        }
    }

    /// Calls the backend, with retries, until the deadline.
    ///
    /// # Errors
    ///
    /// The error of the last attempt. `Unavailable`, without an attempt, while the circuit is open;
    /// `Throttled` if the token bucket has no token before the deadline.
    pub(crate) async fn call<T, F>(&self, attempt: impl Fn() -> F) -> Result<T, ProviderError>
    where
        F: Future<Output = Result<T, ProviderError>>,
    {
        self.metrics.calls.increment();
        let deadline = clock::now() + self.settings.deadline;
        let mut backoff = self.backoff();
        let result = loop {
            let error = match self.attempt(deadline, &attempt).await {
                Ok(answer) => break Ok(answer),
                Err(AttemptError::NotSent(error)) => break Err(error),
                Err(AttemptError::Failed(error)) => error,
            };
            let Some(pause) = next_pause(error, &mut backoff) else { break Err(error) };
            // `Instant` addition could overflow, so compare durations.
            if pause >= deadline.saturating_duration_since(clock::now()) {
                break Err(error);
            }
            sleep(pause).await;
            self.metrics.retries.increment();
        };
        self.metrics.record(&result);
        result
    }

    /// Calls the backend once. Use it for an operation that must not run twice: after a lost
    /// response, it is unknown whether it ran.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    #[cfg(feature = "vault")]
    pub(crate) async fn once<T, F>(&self, attempt: impl Fn() -> F) -> Result<T, ProviderError>
    where
        F: Future<Output = Result<T, ProviderError>>,
    {
        self.metrics.calls.increment();
        let deadline = clock::now() + self.settings.deadline;
        let result = self.attempt(deadline, &attempt).await;
        let result = result.map_err(|(AttemptError::NotSent(error) | AttemptError::Failed(error))| error);
        self.metrics.record(&result);
        result
    }

    async fn attempt<T, F>(&self, deadline: Instant, attempt: impl Fn() -> F) -> Result<T, AttemptError>
    where
        F: Future<Output = Result<T, ProviderError>>,
    {
        let throttled = |wait| AttemptError::NotSent(ProviderError::Throttled { retry_after: Some(wait) });
        sleep_until(self.bucket.acquire(deadline).map_err(throttled)?.into()).await;
        let Some(permit) = self.breaker.acquire() else {
            self.metrics.refused.increment();
            return Err(AttemptError::NotSent(ProviderError::Unavailable));
        };
        self.metrics.attempts.increment();
        let until = deadline.min(clock::now() + self.settings.attempt_timeout);
        let result = timeout_at(until.into(), attempt()).await.unwrap_or(Err(ProviderError::Timeout));
        match result {
            Err(ProviderError::Unavailable | ProviderError::Timeout) => {
                if permit.failed() {
                    self.metrics.opened.increment();
                }
            }
            _ => permit.succeeded(),
        }
        if let Err(ProviderError::Throttled { retry_after: Some(time) }) = result {
            self.bucket.pause(time.min(MAX_RETRY_AFTER));
        }
        result.map_err(AttemptError::Failed)
    }

    /// Returns the pauses between background attempts: from the circuit's reset timeout, doubling
    /// up to a minute, without end.
    #[cfg(feature = "vault")]
    pub(crate) fn background_backoff(&self) -> ExponentialBackoff {
        ExponentialBuilder::default()
            .with_min_delay(self.settings.reset_timeout)
            .with_max_delay(MAX_BACKGROUND_BACKOFF)
            .without_max_times()
            .with_jitter()
            .build()
    }

    fn backoff(&self) -> ExponentialBackoff {
        ExponentialBuilder::default()
            .with_min_delay(self.settings.initial_backoff)
            .with_max_delay(self.settings.max_backoff)
            .with_max_times(self.settings.max_retries)
            .with_jitter()
            .build()
    }
}

/// Returns the pause before the next attempt, or `None` if the call must not be retried.
fn next_pause(error: ProviderError, backoff: &mut ExponentialBackoff) -> Option<Duration> {
    match error {
        ProviderError::Unavailable | ProviderError::Timeout => backoff.next(),
        ProviderError::Throttled { retry_after } => Some(backoff.next()?.max(retry_after.unwrap_or_default())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::time::Instant;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn retry_layer(settings: Settings) -> (RetryLayer, Arc<Metrics>) {
        let metrics = Arc::new(Metrics::default());
        (RetryLayer::new(settings, metrics.clone()), metrics)
    }

    /// Returns an attempt that fails `failures` times, then succeeds.
    fn after(failures: usize, error: ProviderError) -> impl Fn() -> std::future::Ready<Result<(), ProviderError>> {
        let calls = AtomicUsize::new(0);
        move || {
            let failed = calls.fetch_add(1, Ordering::SeqCst) < failures;
            std::future::ready(if failed { Err(error) } else { Ok(()) })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn transient_error_is_retried_with_backoff() {
        for error in [ProviderError::Unavailable, ProviderError::Timeout] {
            let (retry_layer, metrics) = retry_layer(Settings::default());
            let start = Instant::now();
            assert_eq!(retry_layer.call(after(3, error)).await, Ok(()));
            // 100, 200 and 400 ms, each with up to as much jitter.
            let slept = start.elapsed();
            assert!((700..=1500).contains(&slept.as_millis()), "{slept:?}");
            assert_eq!((metrics.calls(), metrics.attempts(), metrics.retries()), (1, 4, 3));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn permanent_error_is_not_retried() {
        use ProviderError::*;
        for error in [NotFound, Denied, Unauthenticated, Sealed, Invalid, Integrity, TooLarge, Unsupported] {
            let (retry_layer, metrics) = retry_layer(Settings::default());
            let start = Instant::now();
            assert_eq!(retry_layer.call(after(1, error)).await, Err(error));
            assert_eq!((metrics.attempts(), start.elapsed()), (1, Duration::ZERO), "{error}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_are_bounded_and_jittered() {
        let mut times = Vec::new();
        for _ in 0..3 {
            let (retry_layer, metrics) = retry_layer(Settings { failure_threshold: 100, ..Settings::default() });
            let start = Instant::now();
            assert_eq!(retry_layer.call(after(9, ProviderError::Unavailable)).await, Err(ProviderError::Unavailable));
            assert_eq!(metrics.attempts(), 5);
            times.push(start.elapsed());
        }
        times.dedup();
        assert!(times.len() > 1, "jittered");
    }

    #[tokio::test(start_paused = true)]
    async fn retry_after_is_honored() {
        let (retry_layer, _) = retry_layer(Settings::default());
        let start = Instant::now();
        let throttled = ProviderError::Throttled { retry_after: Some(3 * SECOND) };
        assert_eq!(retry_layer.call(after(1, throttled)).await, Ok(()));
        assert!((3..4).contains(&start.elapsed().as_secs()));

        tokio::time::advance(2 * SECOND).await;
        let forever = ProviderError::Throttled { retry_after: Some(Duration::MAX) };
        assert_eq!(self::retry_layer(Settings::default()).0.call(after(1, forever)).await, Err(forever));

        let throttled = ProviderError::Throttled { retry_after: Some(60 * SECOND) };
        let start = Instant::now();
        assert_eq!(retry_layer.call(after(1, throttled)).await, Err(throttled), "the wait exceeds the deadline");
        assert_eq!(start.elapsed(), Duration::ZERO);
        let others = retry_layer.call(after(0, throttled)).await;
        assert!(
            matches!(others, Err(ProviderError::Throttled { retry_after: Some(_) })),
            "the pause applies to all callers"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn call_and_attempt_have_deadlines() {
        let (retry_layer, metrics) = retry_layer(Settings::default());
        let start = Instant::now();
        let ended: Result<(), _> = retry_layer.call(std::future::pending).await;
        assert_eq!(ended, Err(ProviderError::Timeout));
        assert!(start.elapsed() <= Settings::default().deadline);
        assert!((2..=3).contains(&metrics.attempts()));
    }

    #[tokio::test(start_paused = true)]
    async fn open_circuit_rejects_calls() {
        let (retry_layer, metrics) = retry_layer(Settings { failure_threshold: 5, ..Settings::default() });
        let failing = after(5, ProviderError::Unavailable);
        assert!(retry_layer.call(&failing).await.is_err());
        assert_eq!((metrics.opened(), metrics.attempts()), (1, 5));
        let start = Instant::now();
        assert_eq!(retry_layer.call(&failing).await, Err(ProviderError::Unavailable));
        assert_eq!(
            (start.elapsed(), metrics.attempts(), metrics.refused()),
            (Duration::ZERO, 5, 1),
            "no request is sent"
        );
        tokio::time::advance(Settings::default().reset_timeout).await;
        assert_eq!(retry_layer.call(&failing).await, Ok(()));
        assert_eq!(retry_layer.call(&failing).await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn error_response_keeps_circuit_closed() {
        let (retry_layer, metrics) = retry_layer(Settings { failure_threshold: 1, ..Settings::default() });
        for error in [ProviderError::Denied, ProviderError::NotFound, ProviderError::Sealed] {
            assert!(retry_layer.call(after(1, error)).await.is_err());
        }
        assert_eq!(metrics.opened(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn token_bucket_limits_call_rate() {
        let (retry_layer, metrics) = retry_layer(Settings { attempts_per_second: 10, burst: 2, ..Settings::default() });
        let start = Instant::now();
        for _ in 0..7 {
            assert!(retry_layer.call(after(0, ProviderError::Invalid)).await.is_ok());
        }
        // Tokio's timers have a resolution of one millisecond.
        assert!((500..=510).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
        assert_eq!(metrics.throttled(), 0);
    }
}
