//! Files: size, encoding and trust.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use far_files::{Trust, TrustError, TrustedFile, open_regular};
use rustix::fs::{Mode, OFlags};

use super::content::ContentError;
use super::document::{self, Node};
use super::json;
use crate::messages::config::ConfigError;
use crate::messages::problem::Problem;

/// The largest file that is read, in bytes.
pub(super) const MAX_LEN: usize = 1024 * 1024;

/// The formats of configuration files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// TOML 1.1.
    Toml,
    /// JSON without duplicate keys.
    Json,
}

/// The text of a file.
#[derive(Debug)]
pub(super) struct Source {
    path: PathBuf,
    text: String,
    format: Format,
}

impl Source {
    /// Reads a file without checking its owner.
    pub(super) fn read(path: &Path, format: Format) -> Result<Self, ConfigError> {
        let file = open_regular(path).map_err(refused)?;
        Self::of(path, format, &file)
    }

    /// Reads a file that only root or the user of this process can write.
    ///
    /// # Security
    ///
    /// Owner and mode are checked on the open file, after links are resolved. The parent folders
    /// are not checked.
    pub(super) fn read_trusted(path: &Path, format: Format) -> Result<Self, ConfigError> {
        let file = open_trusted(path)?;
        Self::of(path, format, &file)
    }

    /// Returns a source with the given text.
    pub(super) fn new(path: &Path, text: String, format: Format) -> Self {
        Self { path: path.to_owned(), text, format }
    }

    fn of(path: &Path, format: Format, file: &File) -> Result<Self, ConfigError> {
        let text = String::from_utf8(bytes(path, file)?).map_err(|error| {
            let (valid, _) = error.as_bytes().split_at(error.utf8_error().valid_up_to());
            let line = valid.iter().filter(|&&byte| byte == b'\n').count() + 1;
            ConfigError::NotText { path: path.to_owned(), line }
        })?;
        Ok(Self::new(path, text, format))
    }

    /// Parses the text.
    pub(super) fn parse(&self) -> Result<Node<'_>, ConfigError> {
        let parsed = match self.format {
            Format::Toml => document::parse_toml(&self.text),
            Format::Json => json::parse(&self.text),
        };
        parsed.map_err(|(span, problem)| self.error(&span, problem))
    }

    /// Returns the error for a problem in these bytes. Only the first line of a value is shown.
    pub(super) fn error(&self, span: &Range<usize>, problem: Problem) -> ConfigError {
        let first_line = self.text.get(span.clone()).and_then(|text| text.lines().next()).unwrap_or_default();
        let start = span.start.min(self.text.len());
        let content = ContentError::new(&self.path, &self.text, start..start + first_line.len(), problem);
        ConfigError::Content(Box::new(content))
    }

    /// Returns the folder of the file, the base of relative paths in it.
    pub(super) fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    /// Returns the original text of a value, if the file is JSON.
    pub(super) fn written_json(&self, span: &Range<usize>) -> Option<&str> {
        match self.format {
            Format::Json => self.text.get(span.clone()),
            Format::Toml => None,
        }
    }
}

/// Reads a `ca-file` of the operator's configuration.
///
/// # Security
///
/// A user who can write this file can impersonate any server. The checks are those of
/// [`Source::read_trusted`].
pub(crate) fn read_authorities(path: &Path) -> Result<Vec<u8>, ConfigError> {
    bytes(path, &open_trusted(path)?)
}

/// Lists a folder of authorities that only root or the user of this process can change.
pub(crate) fn open_trusted_folder(path: &Path) -> Result<Vec<PathBuf>, ConfigError> {
    let failed = |source: io::Error| ConfigError::Read { path: path.to_owned(), source };
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::DIRECTORY;
    let folder = rustix::fs::open(path, flags, Mode::empty()).map_err(|errno| failed(errno.into()))?;
    Trust::Unwritable.check(path, &File::from(folder)).map_err(refused)?;
    let names = std::fs::read_dir(path).map_err(failed)?;
    let mut paths = names.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>().map_err(failed)?;
    paths.sort();
    Ok(paths)
}

/// Reads a file of such a folder. Returns `None` if the file was read before, is not a regular
/// file, is a dangling link, or may not be read.
pub(crate) fn read_authority_of(path: &Path, seen: &mut HashSet<(u64, u64)>) -> Result<Option<Vec<u8>>, ConfigError> {
    let file = match open_trusted(path) {
        Ok(file) => file,
        Err(ConfigError::NotAFile { .. }) => return Ok(None),
        Err(ConfigError::Read { source, .. })
            if matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let metadata = file.metadata().map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    if !seen.insert((metadata.dev(), metadata.ino())) {
        return Ok(None);
    }
    bytes(path, &file).map(Some)
}

fn bytes(path: &Path, file: &File) -> Result<Vec<u8>, ConfigError> {
    let mut bytes = Vec::new();
    // One byte beyond the limit detects a file that is too large.
    let mut limited = file.take(MAX_LEN as u64 + 1);
    limited.read_to_end(&mut bytes).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    if bytes.len() > MAX_LEN { Err(ConfigError::TooLarge { path: path.to_owned(), limit: MAX_LEN }) } else { Ok(bytes) }
}

/// Opens a file that only root or the user of this process can write.
fn open_trusted(path: &Path) -> Result<File, ConfigError> {
    TrustedFile::open(path, Trust::Unwritable).map(File::from).map_err(refused)
}

fn refused(error: TrustError) -> ConfigError {
    match error {
        TrustError::Io { path, source } => ConfigError::Read { path, source },
        TrustError::NotRegular { path } => ConfigError::NotAFile { path },
        TrustError::NotOwned { path, owner } => ConfigError::Owner { path, owner },
        TrustError::Exposed { path, mode, .. } => ConfigError::Writable { path, mode },
        other => {
            let path = other.path().unwrap_or(Path::new("")).to_owned();
            ConfigError::Read { path, source: io::Error::other(other) }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use crate::config::content::render;

    /// Creates a folder with one file of this content and mode.
    fn file(content: impl AsRef<[u8]>, mode: u32) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("far.toml");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        (folder, path)
    }

    #[test]
    fn owner_writable_file_is_trusted() {
        for mode in [0o400, 0o600, 0o644] {
            let (_folder, path) = file("x = 1\n", mode);
            assert_eq!(Source::read_trusted(&path, Format::Toml).unwrap().text, "x = 1\n");
        }
    }

    #[test]
    fn file_others_can_write_is_refused() {
        for mode in [0o620, 0o602, 0o666] {
            let (_folder, path) = file("", mode);
            let error = Source::read_trusted(&path, Format::Toml).unwrap_err();
            let shown = path.display();
            let expected = format!(
                "'{shown}' is writable by other users: its mode is {mode:04o}\nhelp: remove the permission: chmod go-w '{shown}'"
            );
            assert_eq!(render(&error), expected);
            assert!(Source::read(&path, Format::Toml).is_ok());
        }
    }

    #[test]
    fn authorities_have_trust_checks() {
        let (_folder, path) = file(b"\xff not UTF-8", 0o644);
        assert_eq!(read_authorities(&path).unwrap(), b"\xff not UTF-8");
        for mode in [0o620, 0o602, 0o666] {
            let (_folder, path) = file("", mode);
            assert!(matches!(read_authorities(&path), Err(ConfigError::Writable { .. })), "{mode:o}");
        }
        let (_folder, path) = file(" ".repeat(MAX_LEN + 1), 0o600);
        assert!(matches!(read_authorities(&path), Err(ConfigError::TooLarge { .. })));
        assert!(matches!(read_authorities(Path::new("/dev/null")), Err(ConfigError::NotAFile { .. })));
    }

    #[test]
    fn link_is_trusted_like_its_target() {
        for (mode, trusted) in [(0o600, true), (0o622, false)] {
            let (folder, path) = file("", mode);
            let link = folder.path().join("link.toml");
            symlink(&path, &link).unwrap();
            assert_eq!(Source::read_trusted(&link, Format::Toml).is_ok(), trusted, "{mode:o}");
        }
    }

    #[test]
    fn only_root_and_user_are_trusted() {
        let error = TrustError::NotOwned { path: "far.toml".into(), owner: 1001 };
        assert_eq!(
            render(&refused(error)),
            "'far.toml' is owned by another user: uid 1001\nhelp: change the owner to root or to the user that runs far"
        );
        let (_folder, path) = file("", 0o644);
        // Only root can change the owner. The tests of `Trust` cover the check.
        if std::os::unix::fs::chown(&path, Some(12_345), None).is_ok() {
            assert!(matches!(open_trusted(&path), Err(ConfigError::Owner { owner: 12_345, .. })));
        }
    }

    #[test]
    fn irregular_file_is_refused_without_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe.toml");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
        for path in [folder.path(), &pipe, Path::new("/dev/null")] {
            let error = Source::read(path, Format::Toml).unwrap_err();
            let expected = format!(
                "'{}' is not a regular file\nhelp: pass a regular file, not a folder, pipe or device",
                path.display()
            );
            assert_eq!(render(&error), expected);
        }
    }

    #[test]
    fn missing_file_is_named() {
        let error = Source::read(Path::new("/nowhere/far.toml"), Format::Toml).unwrap_err();
        assert_eq!(
            render(&error),
            "failed to read '/nowhere/far.toml'\nhelp: check that the file exists and is readable"
        );
        assert!(std::error::Error::source(&error).is_some());
    }

    #[test]
    fn oversized_file_is_refused() {
        let (_folder, path) = file(" ".repeat(MAX_LEN), 0o600);
        assert!(Source::read(&path, Format::Toml).is_ok());
        let (_folder, path) = file(" ".repeat(MAX_LEN + 1), 0o600);
        let error = Source::read(&path, Format::Toml).unwrap_err();
        assert_eq!(error.to_string(), format!("'{}' has more than 1048576 bytes", path.display()));
    }

    #[test]
    fn invalid_utf8_is_refused() {
        let (_folder, path) = file(b"a = 1\nb = \"\xff\"\n", 0o600);
        let error = Source::read(&path, Format::Toml).unwrap_err();
        let expected = format!("'{}' is not valid UTF-8 (line 2)\nhelp: save the file as UTF-8", path.display());
        assert_eq!(render(&error), expected);
    }

    #[test]
    fn label_ends_with_its_line() {
        let source = Source::new(Path::new("t.json"), "{\n}".to_owned(), Format::Json);
        let error = source.error(&(0..3), Problem::LaterKey { key: "'x'".to_owned() });
        let label = miette::Diagnostic::labels(&error).unwrap().next().unwrap();
        assert_eq!((label.offset(), label.len()), (0, 1));
    }
}
