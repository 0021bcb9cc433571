//! A minimal host, which runs one skill from a file with one grant for a secret in `.env`.
//!
//! Usage: `host SKILL GRANT INPUT`, for example
//! `host github_webhook.wasm github-webhook-secret:sign '{ … }'`.

#![expect(clippy::print_stdout, reason = "this is a command line")]

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use far_providers::dotenv::DotEnv;
use far_runtime::memory::{WipingAllocator, harden_process};
use far_runtime::{Catalog, End, Grant, Runtime, Task, pal};

/// Wipes memory that libraries free.
#[global_allocator]
static ALLOCATOR: WipingAllocator = WipingAllocator::new();

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    // Disables core files and tracing before any value is read.
    harden_process()?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [skill, grant, input] = arguments.as_slice() else { return Err("usage: host SKILL GRANT INPUT".into()) };

    // Events go to stderr. A value is released only after its event is written.
    let sink = pal::WriterSink::spawn(std::io::stderr(), pal::Format::JsonLines)?;
    let pal = pal::Pal::builder().required_sink(sink, Duration::from_secs(5)).build();

    // The operator permits the grant, with secrets from the backend `dotenv`.
    let grant: Grant = grant.parse()?;
    let provider = DotEnv::open("dotenv".parse()?, Path::new(".env"))?;
    let catalog = Catalog::of_grants(std::slice::from_ref(&grant), &"dotenv".parse()?)?;
    let runtime = Runtime::builder("my-agent".parse()?, pal).provider(Arc::new(provider)).catalog(catalog).build()?;

    let skill = runtime.load(std::fs::read(skill)?).await?;
    let report = runtime.run(Task::new(&skill).with_grant(grant).with_input(input.as_bytes())).await;
    match report.end {
        End::Completed(output) => println!("{}", String::from_utf8(output)?),
        End::Violation(violation) => println!("scope-violation: {violation}"),
        other => println!("{}", other.outcome().as_str()),
    }
    Ok(ExitCode::SUCCESS)
}
