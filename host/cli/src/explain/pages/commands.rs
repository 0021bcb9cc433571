//! The page of commands, from the definition of the command line.

use clap::{Arg, Command};

use super::markdown::{Document, code};
use crate::explain::catalog::sentence;

pub(super) fn write(page: &mut Document, mut far: Command) {
    // Gives every subcommand its full name.
    far.build();
    page.heading(1, "Commands");
    page.text(
        "The commands of `far`, with their arguments and options. `far COMMAND --help` prints the same. The [exit \
         codes](reasons.md#exit-codes) are on the page of reasons.",
    );
    add(page, &far);
}

fn add(page: &mut Document, command: &Command) {
    let mut command = command.clone();
    if command.get_subcommands().next().is_none() {
        let name = command.get_bin_name().unwrap_or_else(|| command.get_name()).to_owned();
        page.heading(2, &name);
        if let Some(about) = command.get_about() {
            page.text(&sentence(&about.to_string()));
        }
        page.block(&command.render_usage().to_string());
        let is_own = |arg: &&Arg| !arg.is_hide_set() && !["help", "version"].contains(&arg.get_id().as_str());
        let rows: Vec<_> = command.get_arguments().filter(is_own).map(row).collect();
        if !rows.is_empty() {
            page.table(["argument", "meaning"], rows);
        }
        if let Some(more) = command.get_after_help() {
            page.block(&more.to_string());
        }
    }
    command.get_subcommands().filter(|command| !command.is_hide_set()).for_each(|command| add(page, command));
}

fn row(arg: &Arg) -> [String; 2] {
    let values = arg.get_value_names().unwrap_or_default().iter().map(|name| format!("<{name}>"));
    let values = if arg.get_action().takes_values() { values.collect::<Vec<_>>().join(" ") } else { String::new() };
    let short = arg.get_short().map(|short| format!("-{short}"));
    let long = arg.get_long().map(|long| format!("--{long}"));
    let flags = short.into_iter().chain(long).map(|flag| format!("{flag} {values}").trim_end().to_owned());
    let mut names: Vec<_> = flags.map(|flag| code(&flag)).collect();
    if names.is_empty() {
        names.push(code(&values));
    }
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let mut meaning = sentence(&help.replace('<', "\\<"));
    let list = |values: Vec<String>| values.iter().map(|value| code(value)).collect::<Vec<_>>().join(", ");
    if arg.get_action().takes_values() {
        let defaults: Vec<_> =
            arg.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
        if !defaults.is_empty() {
            meaning.push_str(&format!(" Default: {}.", list(defaults)));
        }
        let possible: Vec<_> = arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
        if !possible.is_empty() {
            meaning.push_str(&format!(" Values: {}.", list(possible)));
        }
    }
    [names.join(", "), meaning]
}
