//! An invalid `.env`, with code 2: the error names the file and the line, but shows no content.

use crate::fixture::Far;

fn granted(words: &str) -> Far {
    Far::run("a.wasm", "--grant alpha:sign").words(words)
}

#[track_caller]
fn refused(far: Far, message: &str, help: &str) {
    far.stderr(format!("error: {message}\n  help: {help}\n")).code(2);
}

#[test]
fn absent_env_file_is_refused() {
    let help = "create it with lines like 'NAME=value', then run 'chmod 600' on it";
    refused(granted("--env-file other.env"), "'other.env' does not exist", help);
    let without = granted("");
    std::fs::remove_file(without.path(".env")).unwrap();
    refused(without, "'.env' does not exist", help);
}

#[test]
fn env_file_is_optional_without_grants() {
    let without = Far::run("missing.wasm", "");
    std::fs::remove_file(without.path(".env")).unwrap();
    without
        .stderr(
            "error: cannot read the skill 'missing.wasm'\n  cause: No such file or directory (os error 2)\n  help: check that the file exists and is readable\n",
        )
        .code(2);
}

#[test]
fn open_env_file_is_refused() {
    for mode in [0o644, 0o640, 0o602] {
        refused(
            granted("").mode(".env", mode),
            &format!("'.env' is accessible to other users (mode {mode:04o})"),
            "run 'chmod 600' on it, and replace its secrets if other users could read it",
        );
    }
}

#[test]
fn irregular_env_file_is_refused() {
    let link = granted("--env-file link.env").link("link.env", ".env");
    refused(link, "'link.env' is a symbolic link", "name the target of the link");
    refused(granted("--env-file ."), "'.' is not a regular file", "name a regular file");
    refused(granted("--env-file p.env").pipe("p.env"), "'p.env' is not a regular file", "name a regular file");
}

#[test]
fn malformed_line_is_refused() {
    let cases = [
        (
            "A=fine\nghp_pasted_value\n",
            "2: the line has no '='",
            "write 'NAME=value', or '#' before a comment; quote multi-line values",
        ),
        (
            "ghp-pasted+value=\n",
            "1: the key has characters other than letters, digits and '_', or starts with a digit",
            "use a key like 'GITHUB_TOKEN', which yields the secret 'github-token'",
        ),
        (
            "ALPHA=first-value\n\nALPHA=second-value\n",
            "3: the key is already set in line 1",
            "keep one of the two lines",
        ),
        (
            "ALPHA=first-value\nalpha=second-value\n",
            "2: the key yields the same secret name as the key in line 1",
            "rename one of the two keys: secret names ignore case",
        ),
        (
            "ALPHA='never-closed\n",
            "1: the quote that opens here has no closing quote",
            "close the quote; a value that contains a quote needs quotes of the other kind",
        ),
        (
            "ALPHA=\"bad\\escape\"\n",
            "1: the line has an unknown escape",
            "the escapes are \\n \\r \\t \\\\ \\\" \\$; single quotes keep backslashes",
        ),
        (
            "ALPHA=\"quoted\" and more\n",
            "1: the line goes on after the closing quote",
            "quote the whole value, and put whitespace before a comment",
        ),
    ];
    for (text, message, help) in cases {
        refused(granted("").env_file(text), &format!(".env:{message}"), help);
    }
    refused(granted("").env_file(""), "'.env' is empty", "write lines like 'NAME=value' into it, or a comment");
}
