//! Searches this process's memory for residue of secrets after real tasks with every outcome.
//!
//! Prints one JSON object for each check, and exits with 1 if a check fails. `cargo xtask verify
//! residue` runs it.
//!
//! Each check has its own random value, which is in memory only where the check puts it. The needle
//! and the backend's copy are masked, and servers run in another process. Registers and the
//! kernel's own copies are out of reach.

#![expect(clippy::unwrap_used, reason = "a check that cannot run fails the proof")]
#![expect(clippy::indexing_slicing, reason = "the lengths are checked before")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "rows go to stdout, errors to stderr")]

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

use crate::allocator::SwitchableAllocator;
use crate::backend::Defect;
use crate::credentials::Credentials;
use crate::host::Host;
use crate::network::Network;
use crate::row::Row;

#[global_allocator]
static ALLOCATOR: SwitchableAllocator = SwitchableAllocator::new();

/// Searches this process's memory for residue of secrets.
#[derive(Debug, Parser)]
#[command(disable_help_subcommand = true)]
struct Cli {
    /// The skill that runs the steps.
    #[arg(long, value_name = "FILE", default_value = far_tests::guests::PROBE_REVEALING)]
    component: PathBuf,
    /// The skill that sends requests.
    #[arg(long, value_name = "FILE", default_value = far_tests::guests::SENDER)]
    sender: PathBuf,
    /// The `far` command, whose output and files are searched too.
    #[arg(long, value_name = "FILE")]
    far: Option<PathBuf>,
    /// The allocator. With the system's, freed memory keeps its content, and the checks must
    /// notice.
    #[arg(long, value_enum, default_value = "wiping")]
    allocator: Allocator,
    /// Run only the checks of ends with these name prefixes.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
    /// Run as this user and group; only root can.
    #[arg(long, value_name = "ID")]
    user: Option<u32>,
    /// Internal: act as the process whose core files are written.
    #[arg(long, hide = true)]
    hold: bool,
    /// Internal: act as the process at the other end of connections.
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
    // A hardened process can no longer open these files, unless it runs as root.
    let mut memory = ProcessMemory::open().unwrap();
    if cli.allocator == Allocator::System {
        ALLOCATOR.stop_wiping();
    }
    harden_process().unwrap();
    silence_defects();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut report = Report { ok: true };
    runtime.block_on(checks(&cli, &mut memory, &mut report));
    if report.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs this program again as another user, who must open the process's files itself.
fn become_user(user: u32) -> ExitCode {
    let error = Command::new(env::current_exe().unwrap()).args(env::args_os().skip(1)).uid(user).gid(user).exec();
    eprintln!("error: cannot run as user {user}: {error}");
    ExitCode::FAILURE
}

/// Silences requested panics.
fn silence_defects() {
    let default_hook = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !info.payload().is::<Defect>() {
            default_hook(info);
        }
    }));
}

struct Report {
    ok: bool,
}

impl Report {
    fn print(&mut self, row: &Row) {
        self.ok &= row.ok();
        println!("{}", row.json());
    }

    fn print_all(&mut self, rows: impl IntoIterator<Item = Row>) {
        rows.into_iter().for_each(|row| self.print(&row));
    }
}

/// Checks requests and fetches over TLS. Starts the other process if any of these checks is
/// selected.
async fn over_network(cli: &Cli, memory: &mut ProcessMemory, folder: &Path) -> Vec<Row> {
    let selected = |id: &str| ends::is_selected(id, &cli.only);
    if !cli.only.is_empty() && !cli.only.iter().any(|only| OVER_NETWORK.iter().any(|kind| only.starts_with(kind))) {
        return Vec::new();
    }
    let credentials = Credentials::random();
    let mut network = Network::start(&cli.sender, &host::private_folder(folder, "network"), &credentials).await;
    let mut rows = sent::all(&mut network, memory, selected).await;
    rows.extend(fetched::all(&mut network, memory, &credentials.token, selected).await);
    rows.extend(logins::all(&mut network, memory, &credentials, selected).await);
    rows
}

/// The id prefixes of the checks over TLS.
const OVER_NETWORK: [&str; 5] = ["sealed", "sign-jwt", "fetched-by-tls", "exchanged", "logged-in"];

async fn checks(cli: &Cli, memory: &mut ProcessMemory, report: &mut Report) {
    let folder = tempfile::tempdir().unwrap();
    let self_test = self_test().map_or_else(|error| error.to_string(), |()| "passed".to_owned());
    report.print(&Row::equal("start.self-test", "passed", self_test));
    report.print(&core_file::off());
    let host = Host::new(&cli.component, &host::private_folder(folder.path(), "values")).await;

    report.print(&controls::locked_memory(&host, memory).await);
    report.print(&controls::guest_memory(&host, memory).await);
    report.print(&controls::client_buffer(&host, memory).await);
    report.print(&controls::stack(&host, memory).await);
    report.print_all(controls::freed_heap(memory));
    report.print_all(ends::all(&host, memory, &cli.only).await);
    report.print_all(over_network(cli, memory, folder.path()).await);
    if cli.only.is_empty() {
        report.print_all(core_file::written(folder.path()));
    }
    if let Some(far) = &cli.far {
        report.print_all(far_run::rows(far, &cli.component, folder.path()));
    }
}
