//! `far embed`.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use far_component::{EmbeddedDeclaration, embed};
use far_core::capability::Declaration;
use far_runtime::COMPONENT_MAX;

use crate::escape::escape;
use crate::input;
use crate::messages::failure::Failure;
use crate::output::printer::Printer;

const HELP: &str = "\
The declaration is added as a custom section; the rest of the component is unchanged. The output is
written atomically.

Example:
  componentize-py --wit-path wit --world skill componentize app --output skill.wasm
  far embed skill.wasm skill.json";

/// Embed a declaration in a component built by any toolchain.
#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub(crate) struct EmbedArgs {
    /// Component to embed the declaration in.
    #[arg(value_name = "SKILL")]
    skill: PathBuf,

    /// Declaration: a JSON document.
    #[arg(value_name = "DECLARATION")]
    declaration: PathBuf,

    /// Write to this file instead of the component.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Replace an existing declaration.
    #[arg(long)]
    replace: bool,
}

/// Embeds the declaration, and prints a summary of it.
pub(crate) fn run(args: &EmbedArgs, printer: &Printer) -> Result<u8, Failure> {
    printer.note(&embed_declaration(args)?);
    Ok(0)
}

fn embed_declaration(args: &EmbedArgs) -> Result<String, Failure> {
    let document = input::read_regular(&args.declaration, "the declaration", Declaration::MAX_LEN)?;
    let component = input::component(&args.skill)?;
    if component.len() > COMPONENT_MAX {
        return Err(Failure::EmbedFailed { skill: args.skill.clone(), source: None });
    }
    let refused = |source| Failure::EmbedFailed { skill: args.skill.clone(), source: Some(source) };
    let EmbeddedDeclaration { component, declaration } = embed(&component, &document, args.replace).map_err(refused)?;
    let to = args.output.as_deref().unwrap_or(&args.skill);
    write_skill(to, &component, &args.skill)?;
    Ok(summary(to, &declaration))
}

/// Writes a temporary file with the permissions of `like`, and renames it to `to`.
fn write_skill(to: &Path, component: &[u8], like: &Path) -> Result<(), Failure> {
    let unwritten = |source| Failure::Write { what: "the skill to", path: to.to_owned(), source };
    // A rename must not replace a link or a device.
    match to.symlink_metadata() {
        Ok(there) if !there.is_file() => return Err(Failure::NotAFile(to.to_owned())),
        _ => {}
    }
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // A missing folder is reported before the temporary name, which users do not know.
    fs::metadata(folder).map_err(unwritten)?;
    let mut temporary = tempfile::Builder::new().prefix(".far-embed-").tempfile_in(folder).map_err(unwritten)?;
    temporary.write_all(component).map_err(unwritten)?;
    let rights = fs::metadata(like).map_err(unwritten)?.permissions();
    temporary.as_file().set_permissions(rights).and_then(|()| temporary.as_file().sync_all()).map_err(unwritten)?;
    temporary.persist(to).map_err(|error| unwritten(error.error))?;
    Ok(())
}

fn summary(to: &Path, declaration: &Declaration) -> String {
    let secrets: Vec<_> = declaration.secrets.iter().map(|secret| secret.name.as_str()).collect();
    let secrets = if secrets.is_empty() { "no secrets".to_owned() } else { secrets.join(", ") };
    let (name, version) = (&declaration.name, escape(&declaration.version));
    format!("{}: declares '{name}', version {version}: {secrets}\n", escape(&to.to_string_lossy()))
}
