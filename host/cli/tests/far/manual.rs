//! `far man` and `far completions`.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::fixture::{Far, usage};

const COMMANDS: [&str; 11] =
    ["new", "run", "check", "secrets", "embed", "inspect", "diff", "audit", "explain", "completions", "man"];

/// Returns the stdout of a successful command without stderr.
fn printed(words: &str) -> String {
    let output = Far::new().words(words).command().output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{words}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn command_page_is_printed() {
    let page = "\
.ie \\n(.g .ds Aq \\(aq
.el .ds Aq '
.TH far-audit-tail 1  \"far 0.1.0\" far
.SH NAME
far\\-audit\\-tail \\- Show the last events of an audit file, and follow it until interrupted. Nothing is verified
.SH SYNOPSIS
\\fBfar audit tail\\fR [\\fB\\-n\\fR|\\fB\\-\\-lines\\fR] [\\fB\\-\\-json\\fR] [\\fB\\-h\\fR|\\fB\\-\\-help\\fR] [\\fB\\-V\\fR|\\fB\\-\\-version\\fR] <\\fIFILE\\fR> 
.SH DESCRIPTION
Show the last events of an audit file, and follow it until interrupted. Nothing is verified
.SH OPTIONS
.TP
\\fB\\-n\\fR, \\fB\\-\\-lines\\fR \\fI<N>\\fR [default: 10]
Number of existing lines to show first
.TP
\\fB\\-\\-json\\fR
Print the lines unchanged
.TP
\\fB\\-h\\fR, \\fB\\-\\-help\\fR
Print help
.TP
\\fB\\-V\\fR, \\fB\\-\\-version\\fR
Print version
.TP
<\\fIFILE\\fR>
The audit file
.SH VERSION
v0.1.0
";
    Far::new().words("man audit tail").stdout(page).code(0);
}

#[test]
fn main_page_names_every_command() {
    let page = printed("man");
    for command in COMMANDS {
        assert!(page.contains(&format!("far\\-{command}(1)")), "{command}");
    }
}

#[test]
fn pages_are_written_to_folder() {
    let ran = Far::new().words("man --dir .").code(0);
    for command in COMMANDS {
        let page = std::fs::read_to_string(ran.folder.path().join(format!("far-{command}.1"))).unwrap();
        assert_eq!(page, printed(&format!("man {command}")));
    }
    assert!(ran.folder.path().join("far.1").is_file() && ran.folder.path().join("far-audit-verify.1").is_file());
}

#[test]
fn completions_cover_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = printed(&format!("completions {shell}"));
        for command in COMMANDS {
            assert!(script.contains(command), "{shell}: {command}");
        }
        assert!(script.contains("allow-swap"), "{shell}");
    }
    let mut bash = Command::new("bash").arg("-n").stdin(Stdio::piped()).spawn().unwrap();
    bash.stdin.take().unwrap().write_all(printed("completions bash").as_bytes()).unwrap();
    assert!(bash.wait().unwrap().success());
}

#[test]
fn completions_rejects_invalid_arguments() {
    let shells = "\n  [possible values: bash, elvish, fish, powershell, zsh]";
    let form = "completions <SHELL>";
    let missing = "the following required arguments were not provided:\n  <SHELL>";
    let cases = [
        ("completions", missing.to_owned(), "", form),
        ("completions zh", format!("invalid value 'zh' for '<SHELL>'{shells}"), "", ""),
        (
            "completions tcsh",
            format!("invalid value 'tcsh' for '<SHELL>'{shells}"),
            "a similar value exists: 'zsh'",
            "",
        ),
        ("completions bash zsh", "unexpected argument 'zsh' found".to_owned(), "", form),
        (
            "completions --bash",
            "unexpected argument '--bash' found".to_owned(),
            "to pass '--bash' as a value, use '-- --bash'",
            form,
        ),
    ];
    for (words, problem, tip, form) in cases {
        Far::new().words(words).stderr(usage(&problem, tip, form)).code(2);
    }
}

#[test]
fn man_rejects_invalid_arguments() {
    let refused = |words: &str, stderr: &str| drop(Far::new().words(words).stderr(stderr).code(2));
    let none = "\n  help: run 'far --help' for the list of commands\n";
    refused("man runn", &format!("error: unknown command 'runn'{none}"));
    refused("man run audit", &format!("error: unknown command 'run audit'{none}"));
    refused(
        "man --dir absent",
        "error: cannot write the pages to 'absent'\n  cause: No such file or directory (os error 2)\n  help: check that the folder exists and is writable\n",
    );
    let both = "the argument '--dir <DIR>' cannot be used with '[COMMAND]...'";
    refused("man --dir . run", &usage(both, "", "man --dir <DIR> [COMMAND]..."));
    let tip = "to pass '--html' as a value, use '-- --html'";
    refused("man --html", &usage("unexpected argument '--html' found", tip, "man [OPTIONS] [COMMAND]..."));
}
