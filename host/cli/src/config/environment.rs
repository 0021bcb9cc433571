//! The environment: what is read of it, and the one place where it is read.

#![expect(clippy::disallowed_methods, reason = "this is the module that the rule names")]

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

/// Where the user's caches are: `XDG_CACHE_HOME`, or `.cache` in `HOME` (XDG Base Directory Specification, by which a path
/// that is not absolute counts as none).
pub(crate) fn cache_home() -> Option<PathBuf> {
    home("XDG_CACHE_HOME", ".cache")
}

/// Where what the user's programs must know again is: `XDG_STATE_HOME`, or `.local/state` in `HOME`.
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

/// Returns a variable that says what a terminal can show, or what its reader wants; none of any
/// other name.
pub(crate) fn terminal(name: &str) -> Option<OsString> {
    let is_known = matches!(name, "CLICOLOR" | "LANG" | "LC_ALL" | "LC_CTYPE" | "NO_COLOR" | "TERM");
    is_known.then(|| env::var_os(name)).flatten()
}
