//! Runs of the `far` command: the search covers their output and files.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use far_needle::Needle;
use serde_json::{Value, json};

use crate::dotenv_file::{DotEnvFile, FileTail};
use crate::host::{private_folder, secret};
use crate::row::Row;

/// The inputs and the output folder of the runs.
struct RunFixture<'a> {
    far: &'a Path,
    component: &'a Path,
    env_file: DotEnvFile,
    written: PathBuf,
}

/// Returns the runs: id, last step and exit code. The value is in the guest's memory before the
/// last step.
fn runs() -> [(&'static str, Value, i32); 5] {
    [
        ("completed", json!({ "do": "identity" }), 0),
        ("skill-error", json!({ "do": "fail", "message": "no" }), 1),
        ("trap", json!({ "do": "panic", "message": "no" }), 1),
        ("scope-violation", json!({ "do": "get", "name": "gamma" }), 3),
        ("limit", json!({ "do": "allocate", "mib": 100 }), 4),
    ]
}

pub(crate) fn rows(far: &Path, component: &Path, folder: &Path) -> Vec<Row> {
    let (values, written) = (private_folder(folder, "far-run"), private_folder(folder, "written"));
    // Runs use another working directory.
    let [far, component] = [far, component].map(|path| std::path::absolute(path).unwrap());
    let fixture = RunFixture { far: &far, component: &component, env_file: DotEnvFile::create(&values), written };
    let secret = secret();
    fixture.env_file.write("BETA", secret.value(), FileTail::Valid);

    let mut rows = vec![fixture.control(&secret)];
    for (id, last, exit) in runs() {
        let output = fixture.run(id, &[&last]);
        let exit_seen = output.status.code().unwrap_or(-1);
        let hits = secret.find_in(&output.stdout).len() + secret.find_in(&output.stderr).len();
        let row = Row::equal(
            &format!("far-run.{id}"),
            format!("exit code {exit}; 0 hits"),
            format!("exit code {exit_seen}; {hits} hits"),
        );
        rows.push(
            row.with(
                "places",
                json!([
                    { "place": "stdout", "examined_bytes": output.stdout.len() },
                    { "place": "stderr", "examined_bytes": output.stderr.len() },
                ]),
            )
            .with("hits", hits),
        );
    }
    rows.push(fixture.files(&secret));
    rows
}

impl RunFixture<'_> {
    /// Checks that the search finds the value in the `.env`, and in the output of a skill that
    /// returns it with when-leaked 'ignore'.
    fn control(&self, secret: &Needle) -> Row {
        let env = !secret.find_in(&fs::read(self.env_file.path()).unwrap()).is_empty();
        let config = self.env_file.path().with_file_name("far.toml");
        let path = self.env_file.path().display();
        let text = format!(
            "[providers.dev]\ntype = 'dotenv'\npath = '{path}'\n\
             [secrets.beta]\nprovider = 'dev'\noperations = ['reveal']\nwhen-leaked = 'ignore'\n"
        );
        fs::write(&config, text).unwrap();
        fs::set_permissions(&config, fs::Permissions::from_mode(0o600)).unwrap();
        let stdout = !secret.find_in(&self.run_from("--config", &config, "control", &[]).stdout).is_empty();
        Row::equal("control.far-run", "found: .env true, stdout true", format!("found: .env {env}, stdout {stdout}"))
    }

    fn run(&self, id: &str, last: &[&Value]) -> Output {
        self.run_from("--env-file", self.env_file.path(), id, last)
    }

    fn run_from(&self, option: &str, file: &Path, id: &str, last: &[&Value]) -> Output {
        let mut steps = vec![json!({ "do": "get", "name": "beta" }), json!({ "do": "leak" })];
        steps.extend(last.iter().copied().cloned());
        let audit = self.written.join(format!("audit-{id}"));
        let mut far = Command::new(self.far);
        far.arg("run").arg(self.component).arg(option).arg(file).args(["--grant", "beta:reveal"]);
        far.arg("--input").arg(json!({ "steps": steps }).to_string()).arg("--json");
        far.arg("--pal").arg(self.written.join(format!("pal-{id}.jsonl"))).arg("--audit").arg(audit.join("far.jsonl"));
        far.env("TMPDIR", &self.written)
            .env("XDG_STATE_HOME", &self.written)
            .current_dir(&self.written)
            .output()
            .unwrap()
    }

    /// Searches all files of the runs: events, audit files and temporary files.
    fn files(&self, secret: &Needle) -> Row {
        let mut files = Vec::new();
        list(&self.written, &mut files);
        let contents = files.iter().map(|file| fs::read(file).unwrap());
        let hits: usize = contents.map(|bytes| secret.find_in(&bytes).len()).sum();
        let enough = files.len() >= 2 * (runs().len() + 1);
        let names: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
        let row = Row::equal(
            "far-run.files",
            "two for each run; 0 hits",
            format!("{}; {hits} hits", if enough { "two for each run" } else { "too few" }),
        );
        row.with("files", names).with("hits", hits)
    }
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { list(&path, files) } else { files.push(path) }
    }
}
