//! A trial and its outcome.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::task::JoinError;
use tokio::time::timeout;

/// An action on a new host, with its expected outcome.
pub struct Trial {
    expected: &'static str,
    run: Box<dyn Fn() -> BoxFuture<'static, String> + Send + Sync>,
}

/// The outcome of a trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The expected outcome.
    pub expected: String,
    /// The actual outcome.
    pub seen: String,
}

impl Trial {
    pub(super) fn new<F>(expected: &'static str, run: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = String> + Send + 'static,
    {
        Self { expected, run: Box::new(move || run().boxed()) }
    }

    /// Runs the trial within this time. A panic and a hang of the host are outcomes too.
    pub async fn run(&self, within: Duration) -> Outcome {
        let trial = timeout(within, tokio::spawn(AssertUnwindSafe((self.run)())));
        let seen = match trial.await {
            Ok(Ok(seen)) => seen,
            Ok(Err(ended)) => format!("the host panicked: {}", panic_message(ended)),
            Err(_) => "the host hung".to_owned(),
        };
        Outcome { expected: self.expected.to_owned(), seen }
    }
}

fn panic_message(ended: JoinError) -> String {
    let Ok(panic) = ended.try_into_panic() else { return "and was canceled".to_owned() };
    match (panic.downcast_ref::<String>(), panic.downcast_ref::<&str>()) {
        (Some(message), _) => message.clone(),
        (_, Some(message)) => (*message).to_owned(),
        _ => "without a message".to_owned(),
    }
}

impl Outcome {
    /// Reports whether the outcome is as expected.
    pub fn ok(&self) -> bool {
        self.expected == self.seen
    }
}
