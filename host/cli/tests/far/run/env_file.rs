//! A `.env` that is not used, with code 2: the file and the line are named, and nothing that stands in it.

use crate::fixture::Far;

fn granted(words: &str) -> Far {
    Far::run("a.wasm", "--grant alpha:sign").words(words)
}

#[track_caller]
fn refused(far: Far, message: &str, help: &str) {
    far.stderr(format!("error: {message}\n  help: {help}\n")).code(2);
}

#[test]
fn there_is_none() {
    let help = "write lines like 'NAME=value' into it, then 'chmod 600' it";
    refused(granted("--env-file other.env"), "other.env: there is no such file", help);
    let without = granted("");
    std::fs::remove_file(without.path(".env")).unwrap();
    refused(without, ".env: there is no such file", help);
}

#[test]
fn it_is_not_needed_where_nothing_is_granted() {
    let without = Far::run("missing.wasm", "");
    std::fs::remove_file(without.path(".env")).unwrap();
    without
        .stderr(
            "error: cannot read the skill missing.wasm\n  cause: No such file or directory (os error 2)\n  help: check \
             that the file is there and that you may read it\n",
        )
        .code(2);
}

#[test]
fn others_can_read_it() {
    for mode in [0o644, 0o640, 0o602] {
        refused(
            granted("").mode(".env", mode),
            &format!(".env: is open to other users (mode {mode:04o})"),
            "'chmod 600' it; if others could read it until now, its secrets want replacing",
        );
    }
}

#[test]
fn it_is_a_link_or_a_folder() {
    let link = granted("--env-file link.env").link("link.env", ".env");
    refused(link, "link.env: is a symbolic link", "name the file that the link leads to");
    refused(granted("--env-file ."), ".: is not a regular file", "name a regular file");
    refused(granted("--env-file p.env").pipe("p.env"), "p.env: is not a regular file", "name a regular file");
}

#[test]
fn a_line_breaks_a_rule() {
    let cases = [
        (
            "A=fine\nghp_pasted_value\n",
            "2: the line has no '='",
            "write 'NAME=value', or '#' before a comment; quote values of several lines",
        ),
        (
            "ghp-pasted+value=\n",
            "1: the key is not made of letters, digits and '_', or starts with a digit",
            "use a key like 'GITHUB_TOKEN', which makes the secret 'github-token'",
        ),
        (
            "ALPHA=first-value\n\nALPHA=second-value\n",
            "3: the key was set in line 1 already",
            "keep one of the two lines",
        ),
        (
            "ALPHA=first-value\nalpha=second-value\n",
            "2: the key makes the same secret's name as the one in line 1",
            "rename one of the two keys: upper and lower case do not tell secrets apart",
        ),
        (
            "ALPHA='never-closed\n",
            "1: the quote that opens here is never closed",
            "close the quote, or put a value with a quote in it into quotes of the other kind",
        ),
        (
            "ALPHA=\"bad\\escape\"\n",
            "1: the line has an unknown escape",
            "escapes are \\n \\r \\t \\\\ \\\" \\$; in single quotes a backslash is a backslash",
        ),
        (
            "ALPHA=\"quoted\" and more\n",
            "1: the line goes on after the closing quote",
            "quote the value as a whole; put whitespace before a comment",
        ),
    ];
    for (text, message, help) in cases {
        refused(granted("").env_file(text), &format!(".env:{message}"), help);
    }
    refused(granted("").env_file(""), ".env: is empty", "write lines like 'NAME=value' into it; a comment will do");
}
