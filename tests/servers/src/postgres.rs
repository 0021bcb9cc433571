//! PostgreSQL, installed on the machine.

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use tempfile::TempDir;

use crate::failure::{Failure, OrFailure};
use crate::port;
use crate::process::{Process, Program};
use crate::random;

/// Debian's installation directory, and users for a server that root starts.
const VERSIONS: &str = "/usr/lib/postgresql";
const USERS: [&str; 2] = ["postgres", "nobody"];

/// A server with a database `postgres` and the superuser [`Self::USER`].
pub struct Postgres {
    _process: Process,
    programs: PathBuf,
    port: u16,
    password: String,
}

impl Postgres {
    /// The superuser.
    pub const USER: &str = "postgres";

    /// Checks that PostgreSQL is on the machine. Installs nothing.
    ///
    /// # Errors
    ///
    /// [`Failure::is_absent`] if it is not on the machine.
    pub fn install() -> Result<(), Failure> {
        programs().map(drop)
    }

    /// Returns the major version, if PostgreSQL is on the machine.
    pub(crate) fn version() -> Option<String> {
        let programs = programs().ok()?;
        Some(programs.parent()?.file_name()?.to_string_lossy().into_owned())
    }

    /// Starts a server with an empty database.
    ///
    /// # Errors
    ///
    /// [`Failure::is_absent`] if it is not on the machine, or an error if it does not start.
    pub fn start() -> Result<Self, Failure> {
        let programs = programs()?;
        let folder = Arc::new(tempfile::tempdir().or_failure("create a temporary folder")?);
        let password = random::text()?;
        let user = unprivileged(folder.path())?;
        initialize(&programs, &folder, user, &password)?;
        port::on_free(|port| {
            let process = serve(&programs, &folder, user, port)?;
            Ok(Self { _process: process, programs: programs.clone(), port, password: password.clone() })
        })
    }

    /// Returns the address, `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Returns the superuser's password.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Runs a statement as the superuser. Returns a line for each row, with `|` between columns.
    ///
    /// # Errors
    ///
    /// An error if the statement fails.
    pub fn query(&self, statement: &str) -> Result<String, Failure> {
        self.query_as(Self::USER, &self.password, statement)
    }

    /// Runs a statement as this user.
    ///
    /// # Errors
    ///
    /// The errors of [`Self::query`], and an error if the user cannot log in.
    pub fn query_as(&self, user: &str, password: &str, statement: &str) -> Result<String, Failure> {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["--no-psqlrc", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "--host=127.0.0.1"]);
        psql.arg(format!("--port={}", self.port)).arg(format!("--username={user}"));
        psql.args(["--dbname=postgres", "--command", statement]).env("PGPASSWORD", password);
        let output = psql.output().or_failure("run psql")?;
        if !output.status.success() {
            return Err(Failure::new(format!("PostgreSQL: {}", String::from_utf8_lossy(&output.stderr).trim())));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

impl crate::RunningServer for Postgres {
    fn address(&self) -> String {
        self.address()
    }
}

/// Returns the folder with the programs of the newest version.
fn programs() -> Result<PathBuf, Failure> {
    let versions = Path::new(VERSIONS).read_dir().into_iter().flatten().flatten();
    let version = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let with_version = versions.filter_map(|entry| Some((version(&entry.path())?, entry.path().join("bin"))));
    let complete =
        with_version.filter(|(_, bin)| ["initdb", "postgres", "psql"].iter().all(|name| bin.join(name).exists()));
    complete.max().map(|(_, bin)| bin).ok_or_else(|| {
        Failure::new(format!("no PostgreSQL in {VERSIONS}")).or_next("install the package 'postgresql'").absent()
    })
}

/// Returns the user and group to run as, because PostgreSQL refuses to run as root. Changes the
/// folder's owner to that user.
fn unprivileged(folder: &Path) -> Result<Option<(u32, u32)>, Failure> {
    use std::os::unix::fs::MetadataExt;
    let mine = folder.metadata().or_failure("read the owner of a temporary folder")?.uid();
    if mine != 0 {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd").or_failure("read /etc/passwd")?;
    let ids = |name: &&str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2).map(str::parse);
        Some((fields.next()?.ok()?, fields.next()?.ok()?))
    };
    let found = USERS.iter().find_map(ids);
    let (user, group) = found.ok_or_else(|| Failure::new("no unprivileged user for PostgreSQL").absent())?;
    chown(folder, Some(user), Some(group)).or_failure("change the owner of a temporary folder")?;
    Ok(Some((user, group)))
}

fn initialize(programs: &Path, folder: &TempDir, user: Option<(u32, u32)>, password: &str) -> Result<(), Failure> {
    let file = folder.path().join("password");
    fs::write(&file, password).or_failure("write a password")?;
    let mut initdb = Command::new(programs.join("initdb"));
    initdb.args(["--no-sync", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--username=postgres"]);
    initdb.arg(format!("--pwfile={}", file.display())).arg("--pgdata").arg(folder.path().join("data"));
    initdb.current_dir(folder.path());
    if let Some((user, group)) = user {
        chown(&file, Some(user), Some(group)).or_failure("change the owner of a password file")?;
        initdb.uid(user).gid(group);
    }
    let output = initdb.output().or_failure("run initdb")?;
    if output.status.success() {
        return Ok(());
    }
    Err(Failure::new(format!("initdb: {}", String::from_utf8_lossy(&output.stderr).trim())))
}

/// Starts the server on loopback only, and without fsync, because its data is disposable.
fn serve(programs: &Path, folder: &Arc<TempDir>, user: Option<(u32, u32)>, port: u16) -> Result<Process, Failure> {
    let mut command = Command::new(programs.join("postgres"));
    command.arg("-D").arg(folder.path().join("data")).args(["-p", &port.to_string()]);
    let settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "logging_collector=off"];
    command.args(settings.iter().flat_map(|setting| ["-c", setting]));
    // The fastest clean shutdown, which leaves no shared memory.
    let program = Program { command, stop: "QUIT", user, folder: folder.clone() };
    Process::start(program, "database system is ready to accept connections")
}
