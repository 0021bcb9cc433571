//! What is asked for is shown, on stdout.

use crate::fixture::Far;

const RUN: &str = "\
Run one skill with the secrets that it is granted

Usage: far run [OPTIONS] <SKILL>
       far run [OPTIONS] --task <FILE>

Arguments:
  [SKILL]  The skill: a WebAssembly component

Options:
      --grant <GRANT>         Grant a secret: NAME:OPERATION[,OPERATION]...[@DESTINATION];
                              operations are seal, sign, reveal and refresh
      --egress <DESTINATION>  Let it send requests without a secret there:
                              SCHEME://HOST[:PORT][/PATH], perhaps with METHODS in front
      --task <FILE>           Take skill, input, grants, egress and limits from a task file (TOML or
                              JSON)
      --config <FILE>         What the operator permits, and where secrets come from. Without it,
                              what is granted is permitted, from the .env
      --env-file <FILE>       Where secrets come from without --config; ./.env when left out. For
                              development only
      --input <JSON|@FILE>    The skill's input: JSON, or @FILE, or @- for stdin; {} when left out
      --pal <FILE>            Also append every event to this file as a plain line of JSON; no value
                              is released unless its event was written. With '-', to stderr alone
      --audit <FILE>          Keep every event in this audit file, chained and signed, in a folder
                              of its own that only you may use; no value is released unless its
                              event was written. 'far audit verify' checks it
      --metrics <FILE>        When the run ends, whichever way, replace this file with what was
                              counted: OpenMetrics, for the textfile collector. That it cannot be
                              written is a warning and no other exit code, since what the skill did
                              is done
      --cache <DIR>           Keep compiled skills in this folder, which only you may use; made if
                              it is not there. Without it, in far/artifacts where your caches are
      --no-cache              Compile the skill anew, and keep nothing of it
      --allow-swap            Run although there is swap, to which values could be written
      --json                  Print one JSON object that says how it went, on success and failure
                              alike; events as lines of JSON
  -h, --help                  Print help
  -V, --version               Print version

The skill's output goes to stdout. What happened, and what the skill wrote for people, go to stderr.

Exit codes:
  0  completed
  1  the skill failed
  2  usage or configuration
  3  refused, or a scope violation
  4  limit or time-out
  5  backend, audit log or a resource of the machine unavailable
  128 and more: ended by the signal of that number less 128, such as 130 by Ctrl-C

Example:
  far run github_webhook.wasm --grant github-webhook-secret:sign --input @delivery.json
";

const FAR: &str = "\
Runs AI-agent skills that use secrets which they cannot steal

Usage: far <COMMAND>

Commands:
  new          Make a skill project that builds and passes its tests at once
  run          Run one skill with the secrets that it is granted
  check        Check a configuration, reach every provider, and show what is permitted to whom
  secrets      List, refresh, rotate and revoke secrets; no value is shown
  embed        Write a declaration into a component that was made by any toolchain
  inspect      Show what a component could do, without running it, and hold it against a policy
  diff         Show what a new version of a skill could do that the old could not
  audit        Check and follow audit files
  completions  Print what a shell needs to complete the arguments of far
  man          Print a page of the manual, or write all of them to a folder

Options:
  -h, --help     Print help
  -V, --version  Print version
";

#[test]
fn of_run() {
    for words in ["run --help", "run -h", "run --json --help"] {
        Far::new().words(words).stdout(RUN).code(0);
    }
}

#[test]
fn of_far() {
    Far::new().words("--help").stdout(FAR).code(0);
    Far::new().words("--version").stdout("far 0.1.0\n").code(0);
    Far::new().words("run --version").stdout("far-run 0.1.0\n").code(0);
}

#[test]
fn without_a_command_the_help_is_an_error() {
    Far::new().stderr(FAR).code(2);
}
