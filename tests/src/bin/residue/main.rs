//! Looks for what is left of a secret in this process's memory: real tasks, each to another end, and after each a search.
//!
//! Prints one JSON object for each check, and exits with 1 if any did not hold. `cargo xtask verify residue` runs it.
//!
//! Each check has a random value of its own, which is nowhere in memory except where it was put: the needle is masked,
//! and so is the backend's copy; servers are in another process. Registers, and what the kernel keeps of its own, cannot be
//! seen from here.

#![expect(clippy::unwrap_used, reason = "a check that cannot be made fails the proof")]
#![expect(clippy::indexing_slicing, reason = "lengths are chosen a line before")]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "rows go to stdout, and what keeps it from them to stderr"
)]

mod allocator;
mod backend;
mod controls;
mod core_file;
mod credentials;
mod dotenv_file;
mod ends;
mod far_run;
mod fetched;
mod frames;
mod host;
mod logins;
mod network;
mod remote;
mod row;
mod sent;
mod servers;
mod sink;

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, panic};

use clap::{Parser, ValueEnum};
use far_core::memory::{harden_process, self_test};
use far_tests::process_memory::ProcessMemory;
use rustix::process::geteuid;

use crate::allocator::Switchable;
use crate::backend::Defect;
use crate::credentials::Credentials;
use crate::host::Host;
use crate::network::Network;
use crate::row::Row;

#[global_allocator]
static ALLOCATOR: Switchable = Switchable::new();

/// Looks for what is left of a secret in this process's memory.
#[derive(Debug, Parser)]
#[command(disable_help_subcommand = true)]
struct Cli {
    /// The skill that takes the steps.
    #[arg(long, value_name = "FILE", default_value = far_tests::guests::PROBE_REVEALING)]
    component: PathBuf,
    /// The skill that sends requests.
    #[arg(long, value_name = "FILE", default_value = far_tests::guests::SENDER)]
    sender: PathBuf,
    /// The `far` command, whose output and files are searched too.
    #[arg(long, value_name = "FILE")]
    far: Option<PathBuf>,
    /// With the system's allocator, freed memory keeps what was in it: the checks must notice.
    #[arg(long, value_enum, default_value = "wiping")]
    allocator: Allocator,
    /// Of the ends, only those whose names begin so.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
    /// As this user and group, which only root can choose.
    #[arg(long, value_name = "ID")]
    user: Option<u32>,
    /// Not a proof: be the process that core files are written of.
    #[arg(long, hide = true)]
    hold: bool,
    /// Not a proof: be the process at the other end of connections.
    #[arg(long, hide = true)]
    serve: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Allocator {
    Wiping,
    System,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    if cli.hold {
        return core_file::held().map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS);
    }
    if cli.serve {
        return servers::serve().map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS);
    }
    if let Some(user) = cli.user.filter(|user| *user != geteuid().as_raw()) {
        return become_user(user);
    }
    // Before the process is hardened: afterwards, nobody but root opens these.
    let mut memory = ProcessMemory::open().unwrap();
    if cli.allocator == Allocator::System {
        ALLOCATOR.stop_wiping();
    }
    harden_process().unwrap();
    tell_of_no_defect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut report = Report { ok: true };
    runtime.block_on(checks(&cli, &mut memory, &mut report));
    if report.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs this program anew, as another user: what one opens of itself, another may not.
fn become_user(user: u32) -> ExitCode {
    let error = Command::new(env::current_exe().unwrap()).args(env::args_os().skip(1)).uid(user).gid(user).exec();
    eprintln!("error: cannot run as user {user}: {error}");
    ExitCode::FAILURE
}

/// Keeps panics quiet that are asked for.
fn tell_of_no_defect() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !info.payload().is::<Defect>() {
            usual(info);
        }
    }));
}

struct Report {
    ok: bool,
}

impl Report {
    fn tell(&mut self, row: &Row) {
        self.ok &= row.ok();
        println!("{}", row.json());
    }

    fn tell_all(&mut self, rows: impl IntoIterator<Item = Row>) {
        rows.into_iter().for_each(|row| self.tell(&row));
    }
}

/// What leaves and what comes over TLS; the other process is started if any of it is asked for.
async fn over_network(cli: &Cli, memory: &mut ProcessMemory, folder: &Path) -> Vec<Row> {
    let wanted = |id: &str| ends::is_wanted(id, &cli.only);
    if !cli.only.is_empty() && !cli.only.iter().any(|only| OVER_NETWORK.iter().any(|kind| only.starts_with(kind))) {
        return Vec::new();
    }
    let credentials = Credentials::random();
    let mut network = Network::start(&cli.sender, &host::private_folder(folder, "network"), &credentials).await;
    let mut rows = sent::all(&mut network, memory, wanted).await;
    rows.extend(fetched::all(&mut network, memory, &credentials.token, wanted).await);
    rows.extend(logins::all(&mut network, memory, &credentials, wanted).await);
    rows
}

/// What the names of its checks begin with.
const OVER_NETWORK: [&str; 5] = ["sealed", "sign-jwt", "fetched-by-tls", "exchanged", "logged-in"];

async fn checks(cli: &Cli, memory: &mut ProcessMemory, report: &mut Report) {
    let folder = tempfile::tempdir().unwrap();
    let self_test = self_test().map_or_else(|error| error.to_string(), |()| "passed".to_owned());
    report.tell(&Row::equal("start.self-test", "passed", self_test));
    report.tell(&core_file::off());
    let host = Host::new(&cli.component, &host::private_folder(folder.path(), "values")).await;

    report.tell(&controls::locked_memory(&host, memory).await);
    report.tell(&controls::guest_memory(&host, memory).await);
    report.tell(&controls::client_buffer(&host, memory).await);
    report.tell(&controls::stack(&host, memory).await);
    report.tell_all(controls::freed_heap(memory));
    report.tell_all(ends::all(&host, memory, &cli.only).await);
    report.tell_all(over_network(cli, memory, folder.path()).await);
    if cli.only.is_empty() {
        report.tell_all(core_file::written(folder.path()));
    }
    if let Some(far) = &cli.far {
        report.tell_all(far_run::rows(far, &cli.component, folder.path()));
    }
}
