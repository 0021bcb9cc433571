//! One suite for every backend, against real servers. `cargo xtask verify conformance` runs it.

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

/// The longest that a call of a provider may take.
const LONGEST: Duration = Duration::from_secs(10);
/// The exit code of the program `conformance` if a server is not available on this machine.
pub const ABSENT: u8 = 75;

/// The result of one check.
pub struct Row {
    /// The backend and the check.
    pub id: String,
    /// The server's name and version.
    server: [&'static str; 2],
    /// The expected result.
    pub expected: String,
    /// The actual result.
    pub seen: String,
    /// Further measurements, for people.
    pub figures: Option<String>,
}

impl Row {
    /// Reports whether the check passed.
    pub fn ok(&self) -> bool {
        self.expected == self.seen
    }

    fn with(self, figures: String) -> Self {
        Self { figures: Some(figures), ..self }
    }

    /// Returns the result as JSON.
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

/// Runs all checks and reports each result.
///
/// # Errors
///
/// Fails if a server is not available.
pub async fn all(mut report: impl FnMut(&Row)) -> Result<(), far_servers::Failure> {
    let dotenv = DotEnvFile::new();
    check_backend(&dotenv, &mut report).await;
    let vault = Vault::start()?;
    check_backend(&vault, &mut report).await;
    faults::all(&vault, &mut report).await?;
    leases::all(&vault, &mut report).await?;
    rotation::all(&vault, &mut report).await;
    load::all(vault, &mut report).await?;
    Ok(())
}

async fn check_backend(backend: &dyn Backend, report: &mut impl FnMut(&Row)) {
    for check in checks::all() {
        let Some(expected) = (check.expected)(backend.features()) else { continue };
        report(&row(backend, check.id, expected, (check.run)(backend)).await);
    }
}

/// Runs one check. A panic of the provider is a result.
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
