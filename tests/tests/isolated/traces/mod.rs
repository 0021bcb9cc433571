//! A whole run leaves no secret where people can read it: not in traces and logs at the lowest
//! level, errors, `Debug`, records, metrics or temporary files.
//!
//! [`controls`] verifies the search first. The run is a separate process with an empty temporary
//! folder, and its output is searched too.
#![expect(clippy::disallowed_methods, reason = "provider calls are searched with and without a broker")]
#![expect(clippy::print_stderr, reason = "reports the extent of the search")]

mod bao;
mod canaries;
mod capture;
mod controls;
mod front;
mod operator;
mod renderings;
mod secret_files;
mod servers;
mod tasks;
mod texts;
mod vault;
mod world;

use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use far_servers::Authority;

use crate::run;
use crate::traces::bao::Bao;
use crate::traces::canaries::{Canaries, entries};
use crate::traces::renderings::Renderings;
use crate::traces::secret_files::SecretFiles;
use crate::traces::world::{World, state_in};

/// The name of the searched process's temporary folder, by which it recognizes itself.
const SEARCHED_FOLDER: &str = "searched-by-traces";
/// The file to which that process writes the canaries.
const CANARIES: &str = "canaries";
/// The log targets that must appear: without them, the search would be empty.
const EXPECTED_TARGETS: [&str; 4] = ["rustls", "hyper_util", "reqwest", "wasmtime"];

#[test]
fn whole_run_leaves_no_readable_secret() {
    let temporary = std::env::temp_dir();
    if temporary.ends_with(SEARCHED_FOLDER) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        return runtime.block_on(whole_run(&temporary));
    }
    let folder = tempfile::tempdir().unwrap();
    let searched = folder.path().join(SEARCHED_FOLDER);
    std::fs::create_dir(&searched).unwrap();
    let mut whole = Command::new(std::env::current_exe().unwrap());
    whole.args(["--exact", "traces::whole_run_leaves_no_readable_secret", "--nocapture"]);
    let output = run(whole.env("TMPDIR", &searched));
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}\n{stderr}");
    // Bypasses the output capture of passing tests, to show that a server was unavailable.
    std::io::stderr().write_all(&output.stderr).unwrap();

    let canaries = Canaries::read(&std::fs::read_to_string(folder.path().join(CANARIES)).unwrap());
    let mut found = canaries.found_in("stdout", &output.stdout);
    found.extend(canaries.found_in("stderr", &output.stderr));
    found.extend(canaries.found_below(&searched, &[]));
    assert!(found.is_empty(), "{}", found.join("\n\n"));
}

async fn whole_run(temporary: &Path) {
    let outside = temporary.parent().unwrap();
    let (canaries, renderings) = (Canaries::default(), Renderings::default());
    let servers = Bao::servers();
    // The servers' temporary files are not searched.
    let server_files = entries(temporary);
    capture::install();

    let (authority, secret_files) = (Authority::new(), SecretFiles::new(outside.join("given")));
    let bao = servers.map(|servers| Bao::of(servers, &authority, &canaries, &secret_files));
    let world = World::new(&authority, &canaries, &secret_files, &state_in(temporary), bao.as_ref()).await;
    renderings.object("catalog", &world.catalog);
    renderings.object("runtime", &world.runtime);
    if let (Some(vault), Some(bao)) = (&world.vault, &bao) {
        vault::all(vault, bao, &secret_files, &renderings).await;
    }
    tasks::all(&world, &canaries, &renderings).await;
    texts::all(&world, &canaries, &renderings).await;
    operator::all(&world, &renderings).await;
    // Searches with open leases, and again after the shutdown, when the journal has changed.
    let mut found = canaries.found_below(temporary, &server_files);
    world.runtime.shutdown().await;
    if let Some(vault) = &world.vault {
        vault.close().await.unwrap();
        renderings.object("metrics", vault.metrics());
    }
    assert!(world.lines.flush(Duration::from_secs(10)));
    renderings.object("head", &world.audit.close(Duration::from_secs(10)));
    renderings.object("audit", &world.audit);
    renderings.object("records", &world.events.records());
    found.extend(canaries.found_below(temporary, &server_files));

    let captured = capture::text();
    found.extend(canaries.found_in("the traces and logs", captured.as_bytes()));
    for (of, text) in renderings.all() {
        found.extend(canaries.found_in(&format!("the rendering of {of}"), text.as_bytes()));
    }
    std::fs::write(outside.join(CANARIES), canaries.serialize()).unwrap();
    for target in EXPECTED_TARGETS {
        let is_expected = |line: &str| line.split(' ').nth(1).is_some_and(|name| name.starts_with(target));
        assert!(captured.lines().any(is_expected), "{target} logged nothing");
    }
    let (lines, secrets) = (captured.lines().count(), canaries.names().len());
    eprintln!("searched {lines} lines for {secrets} secrets");
    assert!(found.is_empty(), "{}", found.join("\n\n"));
}
