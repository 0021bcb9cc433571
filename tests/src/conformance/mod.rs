//! One suite for every backend, with the real server behind it: what each must answer, and what a backend that lacks a feature
//! says. `cargo xtask verify conformance` runs it.

mod backend;
mod checks;
mod faults;
mod leases;
mod load;
mod rotation;

use std::time::{Duration, Instant};

use futures_util::FutureExt;
use serde_json::{Value, json};

use self::backend::{Backend, DotEnvFile, Vault};

/// Longer than any call of a provider may take: what takes longer is late.
const LONGEST: Duration = Duration::from_secs(10);
/// The exit code of the program `conformance` where a server cannot be had on this machine.
pub const ABSENT: u8 = 75;

/// One check, made.
pub struct Row {
    /// The backend, and the check.
    pub id: String,
    /// What is said of the server: its name and version.
    server: [&'static str; 2],
    /// What must be seen.
    pub expected: String,
    /// What was.
    pub seen: String,
    /// What was measured besides, for people.
    pub figures: Option<String>,
}

impl Row {
    /// Whether it is as expected.
    pub fn ok(&self) -> bool {
        self.expected == self.seen
    }

    fn with(self, figures: String) -> Self {
        Self { figures: Some(figures), ..self }
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let backend = self.id.split_once('.').map(|(backend, _)| backend);
        let [server, version] = self.server;
        json!({
            "id": self.id, "backend": backend, "server": server, "version": version,
            "expected": self.expected, "seen": self.seen, "ok": self.ok(),
            "figures": self.figures,
        })
    }
}

/// Makes all checks, and tells each as it is made.
///
/// # Errors
///
/// A server cannot be had.
pub async fn all(mut tell: impl FnMut(&Row)) -> Result<(), far_servers::Failure> {
    let dotenv = DotEnvFile::new();
    of_backend(&dotenv, &mut tell).await;
    let vault = Vault::start()?;
    of_backend(&vault, &mut tell).await;
    faults::all(&vault, &mut tell).await?;
    leases::all(&vault, &mut tell).await?;
    rotation::all(&vault, &mut tell).await;
    load::all(vault, &mut tell).await?;
    Ok(())
}

async fn of_backend(backend: &dyn Backend, tell: &mut impl FnMut(&Row)) {
    for check in checks::all() {
        let Some(expected) = (check.expected)(backend.features()) else { continue };
        tell(&row(backend, check.id, expected, (check.run)(backend)).await);
    }
}

/// Makes one check. A provider that panics is an outcome, too.
async fn row(backend: &dyn Backend, id: &str, expected: &str, check: impl Future<Output = String>) -> Row {
    let started = Instant::now();
    let seen = std::panic::AssertUnwindSafe(check).catch_unwind().await;
    let mut seen = seen.unwrap_or_else(|_| "a panic".to_owned());
    if started.elapsed() > LONGEST && !id.starts_with("load") {
        seen.push_str(", late");
    }
    let id = format!("{}.{id}", backend.name());
    Row { id, server: backend.server(), expected: expected.to_owned(), seen, figures: None }
}
