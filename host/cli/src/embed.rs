//! `far embed`.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use far_component::{Embedded, embed};
use far_core::capability::Declaration;
use far_runtime::COMPONENT_MAX;

use crate::escape::escape;
use crate::input;
use crate::messages::failure::Failure;
use crate::output::printer::Printer;

const HELP: &str = "\
The declaration becomes a custom section of the component; nothing else of it changes. It is written whole or not at all.

Example:
  componentize-py --wit-path wit --world skill componentize app --output skill.wasm
  far embed skill.wasm skill.json";

/// Write a declaration into a component that was made by any toolchain.
#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub(crate) struct EmbedArgs {
    /// The component.
    #[arg(value_name = "SKILL")]
    skill: PathBuf,

    /// The declaration: a JSON document.
    #[arg(value_name = "DECLARATION")]
    declaration: PathBuf,

    /// Write to this file instead of the component's own.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Replace the declaration that the component has.
    #[arg(long)]
    replace: bool,
}

/// Does it, and says what the component declares now.
pub(crate) fn run(args: &EmbedArgs, printer: &Printer) -> Result<u8, Failure> {
    printer.note(&written(args)?);
    Ok(0)
}

fn written(args: &EmbedArgs) -> Result<String, Failure> {
    let document = input::regular(&args.declaration, "the declaration", Declaration::MAX_LEN)?;
    let component = input::component(&args.skill)?;
    if component.len() > COMPONENT_MAX {
        return Err(Failure::Embed { skill: args.skill.clone(), source: None });
    }
    let refused = |source| Failure::Embed { skill: args.skill.clone(), source: Some(source) };
    let Embedded { component, declaration } = embed(&component, &document, args.replace).map_err(refused)?;
    let to = args.output.as_deref().unwrap_or(&args.skill);
    put(to, &component, &args.skill)?;
    Ok(told(to, &declaration))
}

/// Writes a file beside its place, with the rights of the component that it was made of, and renames it.
fn put(to: &Path, component: &[u8], like: &Path) -> Result<(), Failure> {
    let unwritten = |source| Failure::Write { what: "the skill to", path: to.to_owned(), source };
    // What a link leads to is somebody else's to write, and a device cannot be renamed over without harm.
    match to.symlink_metadata() {
        Ok(there) if !there.is_file() => return Err(Failure::NotAFile(to.to_owned())),
        _ => {}
    }
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Before a name in it is made up, which nobody would know.
    fs::metadata(folder).map_err(unwritten)?;
    let mut beside = tempfile::Builder::new().prefix(".far-embed-").tempfile_in(folder).map_err(unwritten)?;
    beside.write_all(component).map_err(unwritten)?;
    let rights = fs::metadata(like).map_err(unwritten)?.permissions();
    beside.as_file().set_permissions(rights).and_then(|()| beside.as_file().sync_all()).map_err(unwritten)?;
    beside.persist(to).map_err(|error| unwritten(error.error))?;
    Ok(())
}

fn told(to: &Path, declaration: &Declaration) -> String {
    let secrets: Vec<_> = declaration.secrets.iter().map(|secret| secret.name.as_str()).collect();
    let secrets = if secrets.is_empty() { "no secret".to_owned() } else { secrets.join(", ") };
    let (name, version) = (&declaration.name, escape(&declaration.version));
    format!("{}: declares '{name}', version {version}: {secrets}\n", escape(&to.to_string_lossy()))
}
