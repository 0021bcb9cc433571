//! The files of a project.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::name::ProjectName;
use crate::messages::failure::Failure;

/// The SDK, as it was when this command was built.
mod sdk {
    include!(concat!(env!("OUT_DIR"), "/sdk.rs"));
}

/// Where the copy of the SDK goes.
const VENDOR: &str = "vendor/far";

/// Path and text of the files that are made from the name.
const TEMPLATES: [(&str, &str); 5] = [
    (".env", include_str!("../../templates/skill/env.in")),
    (".gitignore", include_str!("../../templates/skill/gitignore.in")),
    ("Cargo.toml", include_str!("../../templates/skill/Cargo.toml.in")),
    ("skill.json", include_str!("../../templates/skill/skill.json.in")),
    ("src/lib.rs", include_str!("../../templates/skill/lib.rs.in")),
];

/// A project to be.
pub(super) struct Project<'a> {
    pub(super) name: &'a ProjectName,
    pub(super) sdk: Sdk,
}

/// Where a project has the SDK from.
pub(super) enum Sdk {
    /// A copy of its own.
    Vendored,
    /// The folder of the package, in a checkout.
    Checkout(PathBuf),
}

impl Sdk {
    /// The SDK in a checkout.
    ///
    /// # Errors
    ///
    /// It is not there, or its path cannot be written into a manifest.
    pub(super) fn checkout(root: &Path) -> Result<Self, Failure> {
        let package = root.join("guest-sdk");
        let manifest = package.join("Cargo.toml");
        let unread = |source| Failure::Read { what: "the SDK's manifest", path: manifest.clone(), source };
        fs::metadata(&manifest).map_err(unread)?;
        let package = package.canonicalize().map_err(unread)?;
        // Each of these would be something else in a string of TOML.
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
    /// Writes it into a folder of its name, and tells how many files it has.
    ///
    /// It is made beside that folder and moved there when it is whole.
    ///
    /// # Errors
    ///
    /// There is something of that name, or something cannot be written.
    pub(super) fn write(&self) -> Result<usize, Failure> {
        let folder = Path::new(self.name.as_str());
        let unwritten = |source| Failure::Write { what: "the project", path: folder.to_owned(), source };
        if folder.symlink_metadata().is_ok() {
            return Err(Failure::Exists(folder.to_owned()));
        }
        let beside = tempfile::Builder::new().prefix(".far-new-").tempdir_in(".").map_err(unwritten)?;
        let whole = beside.path().join(folder);
        let files = self.files();
        for (path, text) in &files {
            write_file(&whole.join(path), text).map_err(unwritten)?;
        }
        match fs::rename(&whole, folder) {
            Ok(()) => Ok(files.len()),
            // Somebody was quicker.
            Err(_) if folder.symlink_metadata().is_ok() => Err(Failure::Exists(folder.to_owned())),
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
    // `far run` takes a .env that is its owner's alone.
    let mode = if path.ends_with(".env") { 0o600 } else { 0o644 };
    OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?.write_all(text.as_bytes())
}
