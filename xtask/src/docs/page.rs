//! The steps of a page: commands with their expected output, and files.

/// The steps of a page, in order.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) steps: Vec<Step>,
}

/// One action of the reader.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Runs a command.
    Command(Command),
    /// Writes a file.
    File { name: String, text: String },
}

/// A command with its expected output.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Command {
    /// The line of the page where the command begins, counted from 1.
    pub(super) line: usize,
    /// The text for the shell.
    pub(super) text: String,
    pub(super) expected: Vec<String>,
}

impl Page {
    /// Parses the steps of a page.
    ///
    /// # Errors
    ///
    /// Fails on a block that cannot be run, since it would be an untested claim.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut steps = Vec::new();
        let mut lines = text.lines().zip(1..);
        while let Some((line, at)) = lines.next() {
            let Some(mark) = line.strip_prefix("```").filter(|mark| !mark.is_empty()) else { continue };
            let mut block = Vec::new();
            loop {
                match lines.next() {
                    Some(("```", _)) => break,
                    Some(line) => block.push(line),
                    None => return Err(format!("the block in line {at} has no end")),
                }
            }
            match mark.split_whitespace().collect::<Vec<_>>().as_slice() {
                ["console"] => steps.extend(commands(&block)?),
                ["sh" | "bash" | "shell", ..] => {
                    return Err(format!("the block in line {at} is not run: mark it console"));
                }
                [_, name] => {
                    let text = block.iter().map(|(line, _)| format!("{line}\n")).collect();
                    steps.push(Step::File { name: (*name).to_owned(), text });
                }
                _ => {}
            }
        }
        Ok(Self { steps })
    }

    /// Returns the number of commands.
    pub(super) fn commands(&self) -> usize {
        self.steps.iter().filter(|step| matches!(step, Step::Command(_))).count()
    }
}

fn commands(block: &[(&str, usize)]) -> Result<Vec<Step>, String> {
    let mut commands: Vec<Command> = Vec::new();
    for &(line, at) in block {
        if let Some(text) = line.strip_prefix("$ ") {
            commands.push(Command { line: at, text: text.to_owned(), expected: Vec::new() });
            continue;
        }
        let command = commands.last_mut().ok_or_else(|| format!("line {at} has no command"))?;
        match line.strip_prefix('>').filter(|_| command.expected.is_empty()) {
            Some(text) => command.text.push_str(&format!("\n{}", text.strip_prefix(' ').unwrap_or(text))),
            None => command.expected.push(line.to_owned()),
        }
    }
    Ok(commands.into_iter().map(Step::Command).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_files_stay_in_order() {
        let page = "# A page\n\n```toml far.toml\n[agent]\n```\n\n```console\n$ far run a \\\n>   --json\nout\n\nmore\n$ true\n```\n\n```rust\nfn f() {}\n```\n";
        let command = |line, text: &str, expected: &[&str]| {
            Step::Command(Command {
                line,
                text: text.to_owned(),
                expected: expected.iter().map(|&line| line.to_owned()).collect(),
            })
        };
        let steps = vec![
            Step::File { name: "far.toml".to_owned(), text: "[agent]\n".to_owned() },
            command(8, "far run a \\\n  --json", &["out", "", "more"]),
            command(13, "true", &[]),
        ];
        assert_eq!(Page::parse(page), Ok(Page { steps }));
    }

    #[test]
    fn unrunnable_block_is_rejected() {
        assert_eq!(Page::parse("```console\n$ true\n").unwrap_err(), "the block in line 1 has no end");
        assert_eq!(Page::parse("```console\nout\n```").unwrap_err(), "line 2 has no command");
        assert!(Page::parse("```sh\ntrue\n```").unwrap_err().contains("is not run"));
    }
}
