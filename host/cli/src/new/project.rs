//! The files of a project.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::name::ProjectName;
use crate::messages::failure::Failure;

/// The SDK at the build of this command.
mod sdk {
    include!(concat!(env!("OUT_DIR"), "/sdk.rs"));
}

/// The folder of the SDK copy.
const VENDOR: &str = "vendor/far";

/// Path and text of the templates.
const TEMPLATES: [(&str, &str); 5] = [
    (".env", include_str!("../../templates/skill/env.in")),
    (".gitignore", include_str!("../../templates/skill/gitignore.in")),
    ("Cargo.toml", include_str!("../../templates/skill/Cargo.toml.in")),
    ("skill.json", include_str!("../../templates/skill/skill.json.in")),
    ("src/lib.rs", include_str!("../../templates/skill/lib.rs.in")),
];

/// A project to create.
pub(super) struct Project<'a> {
    pub(super) name: &'a ProjectName,
    pub(super) sdk: Sdk,
}

/// The source of the SDK.
pub(super) enum Sdk {
    /// A copy in the project.
    Vendored,
    /// The folder of the package in a checkout.
    Checkout(PathBuf),
}

impl Sdk {
    /// Returns the SDK in a checkout.
    ///
    /// # Errors
    ///
    /// The SDK is missing, or its path is not valid in a manifest.
    pub(super) fn checkout(root: &Path) -> Result<Self, Failure> {
        let package = root.join("guest-sdk");
        let manifest = package.join("Cargo.toml");
        let unread = |source| Failure::Read { what: "the SDK's manifest", path: manifest.clone(), source };
        fs::metadata(&manifest).map_err(unread)?;
        let package = package.canonicalize().map_err(unread)?;
        // These characters need escapes in a TOML string.
        let plain = |text: &str| !text.contains(['"', '\\']) && !text.chars().any(char::is_control);
        if package.to_str().is_some_and(plain) { Ok(Self::Checkout(package)) } else { Err(Failure::SdkPath(package)) }
    }

    fn path(&self) -> String {
        match self {
            Self::Vendored => format!("{VENDOR}/guest-sdk"),
            Self::Checkout(path) => path.display().to_string(),
        }
    }
}

impl Project<'_> {
    /// Writes the project to a folder of its name, and returns the number of files.
    ///
    /// The project is written to a temporary folder, and renamed when complete.
    ///
    /// # Errors
    ///
    /// The folder exists, or a file cannot be written.
    pub(super) fn write(&self) -> Result<usize, Failure> {
        let folder = Path::new(self.name.as_str());
        let unwritten = |source| Failure::Write { what: "the project", path: folder.to_owned(), source };
        if folder.symlink_metadata().is_ok() {
            return Err(Failure::AlreadyExists(folder.to_owned()));
        }
        let temporary = tempfile::Builder::new().prefix(".far-new-").tempdir_in(".").map_err(unwritten)?;
        let complete = temporary.path().join(folder);
        let files = self.files();
        for (path, text) in &files {
            write_file(&complete.join(path), text).map_err(unwritten)?;
        }
        match fs::rename(&complete, folder) {
            Ok(()) => Ok(files.len()),
            // The folder was created meanwhile.
            Err(_) if folder.symlink_metadata().is_ok() => Err(Failure::AlreadyExists(folder.to_owned())),
            Err(error) => Err(unwritten(error)),
        }
    }

    fn files(&self) -> Vec<(String, String)> {
        let mut files: Vec<_> =
            TEMPLATES.iter().map(|(path, template)| ((*path).to_owned(), self.filled(template))).collect();
        if matches!(self.sdk, Sdk::Vendored) {
            files.extend(sdk::FILES.iter().map(|(path, text)| (format!("{VENDOR}/{path}"), (*text).to_owned())));
        }
        files
    }

    fn filled(&self, template: &str) -> String {
        template
            .replace("{name}", self.name.as_str())
            .replace("{key}", &self.name.key())
            .replace("{variable}", &self.name.variable())
            .replace("{sdk}", &self.sdk.path())
    }
}

fn write_file(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    // `far run` requires an owner-only .env file.
    let mode = if path.ends_with(".env") { 0o600 } else { 0o644 };
    OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?.write_all(text.as_bytes())
}
