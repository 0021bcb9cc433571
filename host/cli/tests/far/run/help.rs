//! Help and versions, on stdout.

use crate::fixture::Far;

const RUN: &str = "\
Run a skill with the secrets that it is granted

Usage: far run [OPTIONS] <SKILL>
       far run [OPTIONS] --task <FILE>

Arguments:
  [SKILL]  WebAssembly component to run

Options:
      --grant <GRANT>         Grant a secret: NAME:OPERATION[,OPERATION]...[@DESTINATION];
                              operations: seal, sign, reveal, refresh
      --egress <DESTINATION>  Allow requests without a secret to a destination: [METHODS
                              ]SCHEME://HOST[:PORT][/PATH]
      --task <FILE>           Read skill, input, grants, egress and limits from a task file (TOML or
                              JSON)
      --config <FILE>         Configuration of the operator. Without it, every granted secret is
                              permitted, and read from the .env file
      --env-file <FILE>       File of secrets without --config, for development only; default:
                              ./.env
      --input <JSON|@FILE>    Input of the skill: JSON, @FILE, or @- for stdin; default: {}
      --pal <FILE>            Append every event to this file as a JSON line; no value is released
                              before its event is written. '-' means stderr
      --audit <FILE>          Write every event to this audit file, hash-chained and signed, in a
                              separate owner-only folder; no value is released before its event is
                              written. 'far audit verify' verifies it
      --metrics <FILE>        Replace this file with the counters of the run when it ends:
                              OpenMetrics, for the textfile collector. An error is only a warning,
                              and does not change the exit code
      --cache <DIR>           Cache compiled skills in this owner-only folder, created if missing;
                              default: far/artifacts in the cache directory of the user
      --no-cache              Compile the skill without using the cache
      --allow-swap            Run even if swap is enabled: values could be written to it
      --json                  Print one JSON object with the result, also on failure; events are
                              JSON lines
  -h, --help                  Print help
  -V, --version               Print version

The skill's output goes to stdout. Events and the skill's log go to stderr.

Exit codes:
  0  completed
  1  the skill failed
  2  usage or configuration
  3  refused, or a scope violation
  4  limit or timeout
  5  backend, audit log or machine resource unavailable
  128+N  ended by signal N, such as 130 for Ctrl-C

Example:
  far run github_webhook.wasm --grant github-webhook-secret:sign --input @delivery.json
";

const FAR: &str = "\
Run AI agent skills with capability-scoped secrets

Usage: far <COMMAND>

Commands:
  new          Create a skill project that builds and passes its tests
  run          Run a skill with the secrets that it is granted
  check        Check a configuration, contact every provider, and show the permitted secrets
  secrets      List, refresh, rotate and revoke secrets; values are never shown
  embed        Embed a declaration in a component built by any toolchain
  inspect      Show the capabilities of a component without running it, and check a policy
  diff         Show the capabilities that a new version of a skill adds or drops
  audit        Verify and follow audit files
  explain      Explain a reason of an event or an error, or an exit code
  completions  Print the completion script of a shell
  man          Print a manual page, or write all pages to a folder

Options:
  -h, --help     Print help
  -V, --version  Print version
";

#[test]
fn run_help_is_printed() {
    for words in ["run --help", "run -h", "run --json --help"] {
        Far::new().words(words).stdout(RUN).code(0);
    }
}

#[test]
fn far_help_is_printed() {
    Far::new().words("--help").stdout(FAR).code(0);
    Far::new().words("--version").stdout("far 0.1.0\n").code(0);
    Far::new().words("run --version").stdout("far-run 0.1.0\n").code(0);
}

#[test]
fn missing_command_prints_help_as_error() {
    Far::new().stderr(FAR).code(2);
}
