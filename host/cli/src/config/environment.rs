//! Access to environment variables. No other module reads them.

#![expect(clippy::disallowed_methods, reason = "this is the module that the rule names")]

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

/// Returns the cache directory: `XDG_CACHE_HOME`, or `.cache` in `HOME`. As the XDG Base Directory
/// Specification requires, relative paths are ignored.
pub(crate) fn cache_home() -> Option<PathBuf> {
    home("XDG_CACHE_HOME", ".cache")
}

/// Returns the state directory: `XDG_STATE_HOME`, or `.local/state` in `HOME`.
pub(crate) fn state_home() -> Option<PathBuf> {
    home("XDG_STATE_HOME", ".local/state")
}

fn home(name: &str, usual: &str) -> Option<PathBuf> {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute(name).or_else(|| absolute("HOME").map(|home| home.join(usual)))
}

/// Returns the file of certificate authorities that `SSL_CERT_FILE` names. Empty counts as unset.
pub(crate) fn certificate_file() -> Option<PathBuf> {
    env::var_os("SSL_CERT_FILE").filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// Returns the folders of certificate authorities that `SSL_CERT_DIR` names.
pub(crate) fn certificate_folders() -> Vec<PathBuf> {
    let named = env::var_os("SSL_CERT_DIR").unwrap_or_default();
    env::split_paths(&named).filter(|path| !path.as_os_str().is_empty()).collect()
}

/// Returns a variable about terminal capabilities or color preferences; `None` for other names.
pub(crate) fn terminal(name: &str) -> Option<OsString> {
    let is_known = matches!(name, "CLICOLOR" | "LANG" | "LC_ALL" | "LC_CTYPE" | "NO_COLOR" | "TERM");
    is_known.then(|| env::var_os(name)).flatten()
}
