//! Git over HTTPS: its own program for it, behind a server that asks for a password.

mod cgi;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;

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
        let work = tempfile::tempdir().or_failure("make a temporary folder")?;
        let git = |args: &[&str]| run(in_folder(work.path()).args(args));
        git(&["init", "--quiet", "--initial-branch=main"])?;
        for (path, content) in files {
            let path = work.path().join(path);
            let parent = path.parent().unwrap_or(work.path());
            fs::create_dir_all(parent).or_failure(format!("make {}", parent.display()))?;
            fs::write(&path, content).or_failure(format!("write {}", path.display()))?;
        }
        git(&["add", "--all"])?;
        git(&["commit", "--quiet", "--message=All of it"])?;
        let head = git(&["rev-parse", "HEAD"])?.trim().to_owned();
        let to = self.folder.path().join(name);
        run(in_folder(work.path()).args(["clone", "--quiet", "--bare", "."]).arg(to))?;
        Ok(head)
    }

    /// How long a pack with this commit and its files is, as git makes it.
    ///
    /// # Errors
    ///
    /// There is no such repository or commit.
    pub fn pack_size(&self, name: &str, commit: &str) -> Result<usize, Failure> {
        let mut git = in_folder(&self.folder.path().join(name));
        git.args(["-c", "pack.threads=1"]).args(["rev-list", "--objects", "--no-object-names", commit]);
        let objects = run(&mut git)?;
        let list = self.folder.path().join("objects");
        fs::write(&list, objects).or_failure("write a list of objects")?;
        let list = fs::File::open(&list).or_failure("read a list of objects")?;
        let mut git = in_folder(&self.folder.path().join(name));
        git.args(["pack-objects", "--stdout", "--quiet"]).stdin(list).stderr(std::process::Stdio::null());
        Ok(git.output().or_failure("run git")?.stdout.len())
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
    let output = command.output().or_failure("run git")?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(Failure::new(format!("git: {}", String::from_utf8_lossy(&output.stderr).trim())))
}
