//! An attempt, and what comes of it.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::task::JoinError;
use tokio::time::timeout;

/// Something that is tried against a host of its own.
pub struct Trial {
    expected: &'static str,
    run: Box<dyn Fn() -> BoxFuture<'static, String> + Send + Sync>,
}

/// What came of a trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What should have come of it.
    pub expected: String,
    /// What did.
    pub seen: String,
}

impl Trial {
    pub(super) fn new<F>(expected: &'static str, run: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = String> + Send + 'static,
    {
        Self { expected, run: Box::new(move || run().boxed()) }
    }

    /// Runs it. A host that panics is an outcome too, and so is one that takes longer than this.
    pub async fn run(&self, within: Duration) -> Outcome {
        let trial = timeout(within, tokio::spawn(AssertUnwindSafe((self.run)())));
        let seen = match trial.await {
            Ok(Ok(seen)) => seen,
            Ok(Err(ended)) => format!("the host panicked: {}", words(ended)),
            Err(_) => "the host hung".to_owned(),
        };
        Outcome { expected: self.expected.to_owned(), seen }
    }
}

fn words(ended: JoinError) -> String {
    let Ok(panic) = ended.try_into_panic() else { return "and was stopped".to_owned() };
    match (panic.downcast_ref::<String>(), panic.downcast_ref::<&str>()) {
        (Some(words), _) => words.clone(),
        (_, Some(words)) => (*words).to_owned(),
        _ => "without a word".to_owned(),
    }
}

impl Outcome {
    /// Whether it is as expected.
    pub fn ok(&self) -> bool {
        self.expected == self.seen
    }
}
