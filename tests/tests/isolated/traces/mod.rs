//! A whole run leaves no secret where a person could read it: not in what libraries say to `tracing` and `log` at their lowest level,
//! not in errors, `Debug`, records or metrics, not in files that are written on the way.
//!
//! First the search is shown to find what is there: [`controls`]. The run is a process of its own, whose temporary folder is
//! a test's and empty, and whose output is searched as well.
#![expect(clippy::disallowed_methods, reason = "every call of a provider is searched, with and without a broker")]
#![expect(clippy::print_stderr, reason = "how much was searched is told")]

mod bao;
mod canaries;
mod capture;
mod controls;
mod front;
mod given;
mod operator;
mod servers;
mod shown;
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
use crate::traces::given::Given;
use crate::traces::shown::Shown;
use crate::traces::world::{World, state_in};

/// What the temporary folder of the process that is looked at is called: so it knows that it is that one.
const SEARCHED: &str = "searched-by-traces";
/// Where that process writes down what is looked for.
const CANARIES: &str = "canaries";
/// Who must have been heard: without, there would be nothing to search.
const HEARD: [&str; 4] = ["rustls", "hyper_util", "reqwest", "wasmtime"];

#[test]
fn a_whole_run_leaves_no_secret_where_a_person_could_read_it() {
    let temporary = std::env::temp_dir();
    if temporary.ends_with(SEARCHED) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        return runtime.block_on(whole_run(&temporary));
    }
    let folder = tempfile::tempdir().unwrap();
    let searched = folder.path().join(SEARCHED);
    std::fs::create_dir(&searched).unwrap();
    let mut whole = Command::new(std::env::current_exe().unwrap());
    whole.args(["--exact", "traces::a_whole_run_leaves_no_secret_where_a_person_could_read_it", "--nocapture"]);
    let output = run(whole.env("TMPDIR", &searched));
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}\n{stderr}");
    // Past what captures the output of tests that pass: a server that could not be had is told.
    std::io::stderr().write_all(&output.stderr).unwrap();

    let canaries = Canaries::read(&std::fs::read_to_string(folder.path().join(CANARIES)).unwrap());
    let mut found = canaries.found_in("stdout", &output.stdout);
    found.extend(canaries.found_in("stderr", &output.stderr));
    found.extend(canaries.found_below(&searched, &[]));
    assert!(found.is_empty(), "{}", found.join("\n\n"));
}

async fn whole_run(temporary: &Path) {
    let outside = temporary.parent().unwrap();
    let (canaries, shown) = (Canaries::default(), Shown::default());
    let servers = Bao::servers();
    // What servers keep in temporary folders is theirs.
    let theirs = entries(temporary);
    capture::install();

    let (authority, given) = (Authority::new(), Given::new(outside.join("given")));
    let bao = servers.map(|servers| Bao::of(servers, &authority, &canaries, &given));
    let world = World::new(&authority, &canaries, &given, &state_in(temporary), bao.as_ref()).await;
    shown.object("catalog", &world.catalog);
    shown.object("runtime", &world.runtime);
    if let (Some(vault), Some(bao)) = (&world.vault, &bao) {
        vault::all(vault, bao, &given, &shown).await;
    }
    tasks::all(&world, &canaries, &shown).await;
    texts::all(&world, &canaries, &shown).await;
    operator::all(&world, &shown).await;
    // With what is under way, and once more when all was ended: the ledger is another file by then.
    let mut found = canaries.found_below(temporary, &theirs);
    world.runtime.end_shared().await;
    if let Some(vault) = &world.vault {
        vault.close().await.unwrap();
        shown.object("metrics", vault.metrics());
    }
    assert!(world.lines.flush(Duration::from_secs(10)));
    shown.object("head", &world.audit.close(Duration::from_secs(10)));
    shown.object("audit", &world.audit);
    shown.object("records", &world.events.records());
    found.extend(canaries.found_below(temporary, &theirs));

    let said = capture::text();
    found.extend(canaries.found_in("what was traced and logged", said.as_bytes()));
    for (of, text) in shown.all() {
        found.extend(canaries.found_in(&format!("what is shown of {of}"), text.as_bytes()));
    }
    std::fs::write(outside.join(CANARIES), canaries.written()).unwrap();
    for heard in HEARD {
        let is_heard = |line: &str| line.split(' ').nth(1).is_some_and(|target| target.starts_with(heard));
        assert!(said.lines().any(is_heard), "{heard} said nothing");
    }
    let (lines, secrets) = (said.lines().count(), canaries.names().len());
    eprintln!("searched {lines} lines for {secrets} secrets");
    assert!(found.is_empty(), "{}", found.join("\n\n"));
}
