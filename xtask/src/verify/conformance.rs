//! `cargo xtask verify conformance`: tests every backend with its real server and injected faults.

use std::path::Path;

use serde::Deserialize;

use crate::artifacts;
use crate::attacks::{conclude, read_results};
use crate::failure::Failure;
use crate::invocation::Invocation;
use crate::proof::Row;
use crate::repository::Repository;
use crate::servers;
use crate::setup;

/// Runs all checks of every backend.
pub(crate) fn run(repository: &Repository, json: Option<&Path>) -> Result<(), Failure> {
    setup::run(repository)?;
    servers::install()?;
    let program = Invocation::new(artifacts::conformance(repository)?);
    let label = |check: &Check| if check.ok { "ok" } else { "FAILED" };
    let (checks, status) = read_results(&repository.root, &program, |check: &Check| {
        println!("{:6}  {}", label(check), check.id);
        check.figures.iter().for_each(|figures| println!("        {figures}"));
    })?;
    program.succeeded(status)?;
    conclude(repository, "cargo xtask verify conformance", checks.iter().map(Check::row).collect(), json)
}

/// The reported result of one check.
#[derive(Deserialize)]
struct Check {
    id: String,
    backend: String,
    server: String,
    version: String,
    expected: String,
    seen: String,
    ok: bool,
    figures: Option<String>,
}

impl Check {
    fn row(&self) -> Row {
        // A value may contain line feeds.
        let row = Row::equal(self.id.clone(), self.expected.escape_debug(), self.seen.escape_debug());
        let row = row.with("backend", self.backend.clone()).with("server", self.server.clone());
        let row = row.with("version", self.version.clone());
        match &self.figures {
            Some(figures) => row.with("figures", figures.clone()),
            None => row,
        }
    }
}
