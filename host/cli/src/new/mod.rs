//! `far new`: a skill project that builds and passes its tests at once.

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
It writes a folder NAME with a skill, its declaration, its tests, a .env for development, and a copy of the SDK under
vendor/far. What is printed then are the commands that test, build and run the skill. Nothing that is there already is
touched, and nothing is fetched: cargo does that, from the package registry alone.

Example:
  far new hello";

/// Make a skill project that builds and passes its tests at once.
#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub(crate) struct NewArgs {
    /// The skill's name, and its folder's: 1 to 64 of a-z, 0-9 and '-', beginning with a letter.
    #[arg(value_name = "NAME")]
    name: ProjectName,

    /// Build against the SDK in this checkout of far's repository, instead of a copy of it.
    #[arg(long, value_name = "DIR")]
    sdk: Option<PathBuf>,
}

/// Makes it, and says what to do next.
pub(crate) fn run(args: &NewArgs, printer: &Printer) -> Result<u8, Failure> {
    let sdk = args.sdk.as_deref().map_or(Ok(Sdk::Vendored), Sdk::checkout)?;
    let project = Project { name: &args.name, sdk };
    let files = project.write()?;
    let name = args.name.as_str();
    printer.note(&format!("{}: a skill in {files} files; to test, build and run it:\n", escape(name)));
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
