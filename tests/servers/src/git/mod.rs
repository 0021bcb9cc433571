//! Git over HTTPS: its own program for it, behind a server that asks for a password.

mod cgi;
mod work;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;

pub use self::work::Work;
use crate::failure::{Failure, OrFailure};
use crate::https::{Arrived, Https, Reply};
use crate::{Authority, random};

/// Repositories over HTTPS, which a user and a password open.
pub struct Git {
    https: Https,
    folder: Arc<TempDir>,
    name: String,
    password: String,
}

impl Git {
    /// Who may read.
    pub const USER: &str = "tests";

    /// Sees that git is there, with its program for HTTP: it is the machine's, and nothing is installed.
    ///
    /// # Errors
    ///
    /// [`Failure::is_absent`] if it is not.
    pub fn install() -> Result<(), Failure> {
        backend().map(drop)
    }

    /// Its version, if it is there.
    pub(crate) fn version() -> Option<String> {
        let said = run(Command::new("git").arg("version")).ok()?;
        Some(said.trim().rsplit(' ').next()?.to_owned())
    }

    /// A server without repositories, with a certificate of this authority and a password of its own.
    ///
    /// # Errors
    ///
    /// [`Failure::is_absent`] if git is not there; otherwise it cannot listen.
    pub fn start(authority: &Authority) -> Result<Self, Failure> {
        Self::named(authority, "localhost", &random::text()?)
    }

    /// The same with a certificate of this name, and this password.
    ///
    /// # Errors
    ///
    /// As [`Self::start`].
    pub fn named(authority: &Authority, name: &str, password: &str) -> Result<Self, Failure> {
        let backend = backend()?;
        let folder = Arc::new(tempfile::tempdir().or_failure("make a temporary folder")?);
        let login = STANDARD.encode(format!("{}:{password}", Self::USER));
        let authorization = format!("Basic {login}");
        let root = folder.clone();
        let handler = move |request: &Arrived| {
            if request.header("authorization") != Some(&authorization) {
                return Reply::new(401, "").header("www-authenticate", "Basic realm=\"tests\"");
            }
            cgi::reply(&backend, root.path(), Self::USER, request)
                .unwrap_or_else(|failure| Reply::new(500, failure.to_string()))
        };
        let https = Https::start(authority, name, Arc::new(handler))?;
        Ok(Self { https, folder, name: name.to_owned(), password: password.to_owned() })
    }

    /// `https://NAME:PORT`; a repository is below it, by its name.
    pub fn address(&self) -> String {
        format!("https://{}:{}", self.name, self.https.port())
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.https.port()
    }

    /// The password of [`Self::USER`].
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Makes a repository with these files in one commit, on the branch `main`, and answers with the commit.
    ///
    /// # Errors
    ///
    /// Git refuses it.
    pub fn repository(&self, name: &str, files: &[(&str, &[u8])]) -> Result<String, Failure> {
        let work = Work::new()?;
        for (path, content) in files {
            work.write(path, content)?;
        }
        let head = work.commit("All of it")?;
        self.publish(name, &work)?;
        Ok(head)
    }

    /// Makes a repository of what was committed.
    ///
    /// # Errors
    ///
    /// Git refuses it.
    pub fn publish(&self, name: &str, work: &Work) -> Result<(), Failure> {
        let to = self.folder.path().join(name);
        run(in_folder(work.path()).args(["clone", "--quiet", "--bare", "."]).arg(&to))?;
        // With more, it is chance which object is sent as a delta of which.
        run(in_folder(&to).args(["config", "pack.threads", "1"]))?;
        Ok(())
    }

    /// What git says of a repository, byte for byte.
    ///
    /// # Errors
    ///
    /// There is no such repository, or git refuses.
    pub fn ask(&self, name: &str, args: &[&str]) -> Result<Vec<u8>, Failure> {
        output(in_folder(&self.folder.path().join(name)).args(args))
    }

    /// How many objects git's own client receives when it clones the newest commit, and how many of them as deltas.
    ///
    /// # Errors
    ///
    /// There is no such repository.
    pub fn received(&self, name: &str) -> Result<(usize, usize), Failure> {
        let folder = tempfile::tempdir().or_failure("make a temporary folder")?;
        let from = format!("file://{}", self.folder.path().join(name).display());
        let mut git = in_folder(folder.path());
        // Not as loose objects, which have no deltas.
        git.args(["-c", "transfer.unpackLimit=1", "clone", "--quiet", "--bare", "--depth=1", &from, "clone"]);
        run(&mut git)?;
        let pack = run(in_folder(folder.path()).args(["-C", "clone", "rev-parse", "--git-path", "objects/pack"]))?;
        let pack = folder.path().join("clone").join(pack.trim());
        let index = pack.read_dir().or_failure(format!("list {}", pack.display()))?.filter_map(|entry| {
            let path = entry.ok()?.path();
            path.extension().is_some_and(|extension| extension == "idx").then_some(path)
        });
        let verified = run(in_folder(folder.path()).args(["verify-pack", "-v"]).args(index))?;
        // A line of an object begins with its name; of a delta, it has the depth and the base as well.
        let words = verified.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let objects: Vec<_> = words.filter(|words| words.first().is_some_and(|name| name.len() == 40)).collect();
        Ok((objects.len(), objects.iter().filter(|words| words.len() == 7).count()))
    }

    /// The requests that arrived, in their order.
    pub fn arrived(&self) -> Vec<Arrived> {
        self.https.arrived()
    }
}

impl crate::Running for Git {
    fn address(&self) -> String {
        self.address()
    }
}

/// Git's program for HTTP.
fn backend() -> Result<PathBuf, Failure> {
    let absent = |failure: Failure| failure.or_next("install 'git'").absent();
    let folder = run(Command::new("git").arg("--exec-path")).map_err(absent)?;
    let backend = Path::new(folder.trim()).join("git-http-backend");
    if backend.is_file() {
        return Ok(backend);
    }
    Err(absent(Failure::new(format!("there is no {}", backend.display()))))
}

/// Git in a folder, as nobody in particular.
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
