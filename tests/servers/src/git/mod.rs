//! Git over HTTPS: `git-http-backend` behind a server that requires a password.

mod cgi;
mod work;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;

pub use self::work::WorkTree;
use crate::failure::{Failure, OrFailure};
use crate::https::{Https, ReceivedRequest, Reply};
use crate::{Authority, random};

/// A server of repositories over HTTPS, with one user and password.
pub struct Git {
    https: Https,
    folder: Arc<TempDir>,
    name: String,
    password: String,
}

impl Git {
    /// The user.
    pub const USER: &str = "tests";

    /// Checks that git and `git-http-backend` are on the machine. Installs nothing.
    ///
    /// # Errors
    ///
    /// [`Failure::is_absent`] if they are not.
    pub fn install() -> Result<(), Failure> {
        backend().map(drop)
    }

    /// Returns git's version, if git is on the machine.
    pub(crate) fn version() -> Option<String> {
        let output = run(Command::new("git").arg("version")).ok()?;
        Some(output.trim().rsplit(' ').next()?.to_owned())
    }

    /// Starts a server without repositories, with a certificate of this authority and a random
    /// password.
    ///
    /// # Errors
    ///
    /// [`Failure::is_absent`] if git is not on the machine, or an error if the server cannot
    /// listen.
    pub fn start(authority: &Authority) -> Result<Self, Failure> {
        Self::named(authority, "localhost", &random::text()?)
    }

    /// Starts a server with this name and password.
    ///
    /// # Errors
    ///
    /// The errors of [`Self::start`].
    pub fn named(authority: &Authority, name: &str, password: &str) -> Result<Self, Failure> {
        let backend = backend()?;
        let folder = Arc::new(tempfile::tempdir().or_failure("create a temporary folder")?);
        let login = STANDARD.encode(format!("{}:{password}", Self::USER));
        let authorization = format!("Basic {login}");
        let root = folder.clone();
        let handler = move |request: &ReceivedRequest| {
            if request.header("authorization") != Some(&authorization) {
                return Reply::new(401, "").header("www-authenticate", "Basic realm=\"tests\"");
            }
            cgi::reply(&backend, root.path(), Self::USER, request)
                .unwrap_or_else(|failure| Reply::new(500, failure.to_string()))
        };
        let https = Https::start(authority, name, Arc::new(handler))?;
        Ok(Self { https, folder, name: name.to_owned(), password: password.to_owned() })
    }

    /// Returns the URL, `https://NAME:PORT`. The path of a repository is its name.
    pub fn address(&self) -> String {
        format!("https://{}:{}", self.name, self.https.port())
    }

    /// Returns the port.
    pub fn port(&self) -> u16 {
        self.https.port()
    }

    /// Returns the password of [`Self::USER`].
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Creates a repository with these files in one commit on the branch `main`, and returns the
    /// commit.
    ///
    /// # Errors
    ///
    /// An error if git fails.
    pub fn repository(&self, name: &str, files: &[(&str, &[u8])]) -> Result<String, Failure> {
        let work = WorkTree::new()?;
        for (path, content) in files {
            work.write(path, content)?;
        }
        let head = work.commit("All of it")?;
        self.publish(name, &work)?;
        Ok(head)
    }

    /// Creates a repository from a work tree's commits.
    ///
    /// # Errors
    ///
    /// An error if git fails.
    pub fn publish(&self, name: &str, work: &WorkTree) -> Result<(), Failure> {
        let to = self.folder.path().join(name);
        run(in_folder(work.path()).args(["clone", "--quiet", "--bare", "."]).arg(&to))?;
        // With several threads, the choice of deltas is random.
        run(in_folder(&to).args(["config", "pack.threads", "1"]))?;
        Ok(())
    }

    /// Runs git in a repository and returns its output.
    ///
    /// # Errors
    ///
    /// An error if the repository does not exist or git fails.
    pub fn run(&self, name: &str, args: &[&str]) -> Result<Vec<u8>, Failure> {
        output(in_folder(&self.folder.path().join(name)).args(args))
    }

    /// Returns the numbers of objects and of deltas that git's client receives for the newest
    /// commit.
    ///
    /// # Errors
    ///
    /// An error if the repository does not exist.
    pub fn clone_counts(&self, name: &str) -> Result<(usize, usize), Failure> {
        let folder = tempfile::tempdir().or_failure("create a temporary folder")?;
        let from = format!("file://{}", self.folder.path().join(name).display());
        let mut git = in_folder(folder.path());
        // Keeps the pack, because loose objects are never deltas.
        git.args(["-c", "transfer.unpackLimit=1", "clone", "--quiet", "--bare", "--depth=1", &from, "clone"]);
        run(&mut git)?;
        let pack = run(in_folder(folder.path()).args(["-C", "clone", "rev-parse", "--git-path", "objects/pack"]))?;
        let pack = folder.path().join("clone").join(pack.trim());
        let index = pack.read_dir().or_failure(format!("list {}", pack.display()))?.filter_map(|entry| {
            let path = entry.ok()?.path();
            path.extension().is_some_and(|extension| extension == "idx").then_some(path)
        });
        let verified = run(in_folder(folder.path()).args(["verify-pack", "-v"]).args(index))?;
        // A line of an object begins with its id; a line of a delta also has a depth and a base.
        let words = verified.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let objects: Vec<_> = words.filter(|words| words.first().is_some_and(|name| name.len() == 40)).collect();
        Ok((objects.len(), objects.iter().filter(|words| words.len() == 7).count()))
    }

    /// Returns the received requests, in order.
    pub fn arrived(&self) -> Vec<ReceivedRequest> {
        self.https.arrived()
    }
}

impl crate::RunningServer for Git {
    fn address(&self) -> String {
        self.address()
    }
}

/// Returns the path of `git-http-backend`.
fn backend() -> Result<PathBuf, Failure> {
    let absent = |failure: Failure| failure.or_next("install 'git'").absent();
    let folder = run(Command::new("git").arg("--exec-path")).map_err(absent)?;
    let backend = Path::new(folder.trim()).join("git-http-backend");
    if backend.is_file() {
        return Ok(backend);
    }
    Err(absent(Failure::new(format!("{} does not exist", backend.display()))))
}

/// Returns a git command in a folder, with a fixed identity and no configuration.
fn in_folder(folder: &Path) -> Command {
    let mut git = Command::new("git");
    git.current_dir(folder).env("HOME", folder).env("GIT_CONFIG_NOSYSTEM", "1");
    for role in ["AUTHOR", "COMMITTER"] {
        git.env(format!("GIT_{role}_NAME"), "Tests").env(format!("GIT_{role}_EMAIL"), "tests@example.com");
        git.env(format!("GIT_{role}_DATE"), "2026-01-01T00:00:00Z");
    }
    git
}

fn run(command: &mut Command) -> Result<String, Failure> {
    Ok(String::from_utf8_lossy(&output(command)?).into_owned())
}

fn output(command: &mut Command) -> Result<Vec<u8>, Failure> {
    let output = command.output().or_failure("run git")?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(Failure::new(format!("git: {}", String::from_utf8_lossy(&output.stderr).trim())))
}
