//! `far audit`: argument errors here, verdicts on audit files in [`files`].

mod files;

use crate::fixture::{Far, usage};

/// Asserts the exact error of each command line.
fn refused(cases: &[(&str, String)]) {
    for (words, stderr) in cases {
        Far::new().words(words).stderr(stderr).code(2);
    }
}

fn unreadable(file: &str, cause: &str) -> String {
    format!(
        "error: cannot read the audit file '{file}'\n  cause: {cause}\n  help: check that the file exists and is readable\n"
    )
}

fn irregular(file: &str) -> String {
    format!(
        "error: the audit file '{file}' is a folder, not a regular file\n  help: write the content to a file, and pass that file\n"
    )
}

const ABSENT: &str = "No such file or directory (os error 2)";
const FOLDER: &str = "Is a directory (os error 21)";
const MISSING: &str = "the following required arguments were not provided:\n  <FILE>";

#[test]
fn verify_rejects_invalid_arguments() {
    let key = "invalid value 'x' for '--key <KEY>': an audit key is 'ed25519:' and 64 hexadecimal digits";
    let head = "invalid value '1' for '--head <LINE:HASH>': a head is LINE:HASH, the number of a line and 64 hexadecimal \
                digits";
    let tip = "to pass '--bogus' as a value, use '-- --bogus'";
    refused(&[
        ("audit verify", usage(MISSING, "", "audit verify <FILE>")),
        ("audit verify absent", unreadable("absent", ABSENT)),
        ("audit verify .", irregular(".")),
        ("audit verify a --key x", usage(key, "", "")),
        ("audit verify a --head 1", usage(head, "", "")),
        ("audit verify a --bogus", usage("unexpected argument '--bogus' found", tip, "audit verify <FILE>")),
    ]);
}

#[test]
fn tail_rejects_invalid_arguments() {
    refused(&[
        ("audit tail", usage(MISSING, "", "audit tail <FILE>")),
        ("audit tail absent", unreadable("absent", ABSENT)),
        ("audit tail .", unreadable(".", FOLDER)),
        ("audit tail a b", usage("unexpected argument 'b' found", "", "audit tail [OPTIONS] <FILE>")),
        ("audit tail -n x a", usage("invalid value 'x' for '--lines <N>': invalid digit found in string", "", "")),
    ]);
}

#[test]
fn unknown_audit_command_suggests_similar() {
    let near = "a similar subcommand exists: 'verify'";
    refused(&[("audit verfy a", usage("unrecognized subcommand 'verfy'", near, "audit <COMMAND>"))]);
}
