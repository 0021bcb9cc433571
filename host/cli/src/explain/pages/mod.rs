//! The pages below `docs/reference/`, as Markdown.

mod commands;
mod config;
mod events;
mod limits;
mod markdown;
mod metrics;
mod reasons;

use clap::{Command, ValueEnum};
use far_providers::dotenv;

use self::markdown::Document;

/// A page of the reference.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Page {
    /// Commands with their options.
    Commands,
    /// Keys of far.toml.
    FarToml,
    /// Keys of a task file.
    TaskFile,
    /// Keys of a review policy.
    Policy,
    /// Format of a .env file.
    Dotenv,
    /// Events with their fields.
    Events,
    /// Reasons and exit codes.
    Reasons,
    /// Metrics with their labels.
    Metrics,
    /// Limits of tasks and of the machine.
    Limits,
}

impl Page {
    /// Returns the page. `far` is the definition of the command line.
    pub(super) fn markdown(self, far: Command) -> String {
        let name = self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        let mut page = Document::new(&format!(
            "<!-- 'cargo xtask reference' writes this page, from 'far explain --page {name}'. -->\n"
        ));
        match self {
            Self::Commands => commands::write(&mut page, far),
            Self::FarToml => config::far_toml(&mut page),
            Self::TaskFile => config::task_file(&mut page),
            Self::Policy => config::policy(&mut page),
            Self::Dotenv => dotenv(&mut page),
            Self::Events => events::write(&mut page),
            Self::Reasons => reasons::write(&mut page),
            Self::Metrics => metrics::write(&mut page),
            Self::Limits => limits::write(&mut page),
        }
        page.finish()
    }
}

fn dotenv(page: &mut Document) {
    page.heading(1, "The .env file");
    page.text(
        "The format of the secrets of `far run` without `--config`, and of providers with `type = \"dotenv\"`. The \
         file is for development only: every process of the user can read it. `far` refuses a file that other users \
         can access, and a symbolic link.",
    );
    page.heading(2, "Format");
    page.verbatim(dotenv::FORMAT);
    page.heading(2, "Reloading");
    page.text(
        "Each call reads the file again. If it cannot be read or parsed, the previous values stay, and only a refresh \
         reports the error. If other users can access the file, all values are dropped until it is corrected. \
         Replace the file by renaming a new one over it: a truncated file can look complete.",
    );
}
