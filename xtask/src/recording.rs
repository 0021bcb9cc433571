//! `cargo xtask recording`: runs commands in a terminal, and draws the session for the front page.
//!
//! The commands run in a pseudo-terminal of util-linux's `script`, so that `far` prints colors. The
//! picture is `docs/pictures/demo.svg`. Timestamps and durations differ from run to run, so CI does
//! not compare it.

use std::fs;
use std::path::Path;

use anstyle_svg::Term;

use crate::artifacts::{self, Skills};
use crate::demo::{DELIVERY, GRANT, WorkDir};
use crate::failure::{Failure, OrFailure};
use crate::invocation::Invocation;
use crate::repository::Repository;
use crate::setup;

const PICTURE: &str = "docs/pictures/demo.svg";
/// The width of the terminal, in columns.
const COLUMNS: usize = 100;

/// Records the picture.
///
/// # Errors
///
/// Fails if a program is missing, or a command ends with another exit code than expected.
pub(crate) fn run(repository: &Repository) -> Result<(), Failure> {
    setup::run(repository)?;
    let far = artifacts::far(repository)?;
    let skills = Skills::build(repository)?;
    let workdir = WorkDir::create()?;
    for skill in ["github_webhook", "snoop"] {
        let copy = workdir.written.join(format!("{skill}.wasm"));
        fs::copy(skills.component(skill)?, &copy).or_failure(format!("copy the skill '{skill}'"))?;
    }
    fs::write(workdir.written.join("delivery.json"), DELIVERY).or_failure("write the input")?;
    fs::copy(&workdir.env_file, workdir.written.join(".env")).or_failure("copy the secrets")?;
    let terminal = Terminal { far: &far, folder: &workdir.written };
    let webhook = format!("far run github_webhook.wasm --grant {GRANT} --input @delivery.json");
    let snoop = format!("far run snoop.wasm --grant {GRANT}");
    let mut session = String::new();
    for (command, code) in [(webhook.as_str(), 0), (&snoop, 3), ("far explain undeclared", 0)] {
        session.push_str(&terminal.run(command, code)?);
    }
    let svg = Term::new().min_width_px(820).render_svg(&session);
    fs::write(repository.root.join(PICTURE), svg).or_failure(format!("write {PICTURE}"))?;
    println!("{PICTURE}: written");
    Ok(())
}

/// A terminal in a folder, with `far` on the search path.
struct Terminal<'a> {
    far: &'a Path,
    folder: &'a Path,
}

impl Terminal<'_> {
    /// Runs a command, and returns its prompt line and its output with escape sequences.
    fn run(&self, command: &str, code: i32) -> Result<String, Failure> {
        let folder = self.far.parent().unwrap_or(self.far).display();
        let script = Invocation::new("script")
            .words("--quiet --return --command")
            .arg(format!("stty cols {COLUMNS}; PATH='{folder}':$PATH; {command}"))
            .arg("/dev/null")
            .env("TERM", "xterm-256color")
            .env("LANG", "C.UTF-8");
        let output = script.output(self.folder)?;
        let text = String::from_utf8_lossy(&output.stdout).replace("\r\n", "\n");
        if output.status.code() != Some(code) {
            let message = format!("{} instead of exit code {code} from: {command}\n{text}", output.status);
            return Err(Failure::new(message));
        }
        Ok(format!("\u{1b}[1m$ {command}\u{1b}[0m\n{}\n", wrapped(&text)))
    }
}

/// Breaks lines at the width of the terminal. Escape sequences have no width.
fn wrapped(text: &str) -> String {
    let (mut wrapped, mut column, mut escaped) = (String::with_capacity(text.len()), 0, false);
    for c in text.chars() {
        escaped |= c == '\u{1b}';
        if c == '\n' {
            column = 0;
        } else if !escaped {
            if column == COLUMNS {
                wrapped.push('\n');
                column = 0;
            }
            column += 1;
        }
        wrapped.push(c);
        escaped &= !c.is_ascii_alphabetic();
    }
    wrapped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_wrap_at_terminal_width() {
        let wide = "x".repeat(COLUMNS);
        assert_eq!(wrapped(&format!("{wide}\n{wide}y")), format!("{wide}\n{wide}\ny"));
        assert_eq!(wrapped(&format!("\u{1b}[31m{wide}\u{1b}[0m")), format!("\u{1b}[31m{wide}\u{1b}[0m"));
    }
}
