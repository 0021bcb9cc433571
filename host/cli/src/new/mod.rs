//! `far new`: creates a skill project that builds and passes its tests.

mod name;
mod project;

use std::path::PathBuf;

use clap::Args;

use self::name::ProjectName;
use self::project::{Project, Sdk};
use crate::escape::escape;
use crate::messages::failure::Failure;
use crate::output::printer::Printer;

const HELP: &str = "\
Creates a folder NAME with a skill, its declaration, its tests, a .env file for development, and a
copy of the SDK in vendor/far. Prints the commands to test, build and run the skill. Existing files
are not changed. Nothing is downloaded until cargo fetches dependencies from the package registry.

Example:
  far new hello";

/// Create a skill project that builds and passes its tests.
#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub(crate) struct NewArgs {
    /// Name of the skill and its folder: 1 to 64 characters of a-z, 0-9 and '-', starting with a
    /// letter.
    #[arg(value_name = "NAME")]
    name: ProjectName,

    /// Use the SDK in this checkout of the far repository instead of a copy.
    #[arg(long, value_name = "DIR")]
    sdk: Option<PathBuf>,
}

/// Creates the project, and prints the next commands.
pub(crate) fn run(args: &NewArgs, printer: &Printer) -> Result<u8, Failure> {
    let sdk = args.sdk.as_deref().map_or(Ok(Sdk::Vendored), Sdk::checkout)?;
    let project = Project { name: &args.name, sdk };
    let files = project.write()?;
    let name = args.name.as_str();
    printer.note(&format!("{}: created a skill of {files} files; to test, build and run it:\n", escape(name)));
    printer.print(&format!(
        "cd {name}\n\
         rustup target add wasm32-wasip2\n\
         cargo test\n\
         cargo build --release --target wasm32-wasip2\n\
         far run target/wasm32-wasip2/release/{}.wasm --grant {}:sign --input '{{ \"name\": \"Ada\" }}'\n",
        args.name.library(),
        args.name.key(),
    ))?;
    Ok(0)
}
