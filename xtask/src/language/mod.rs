//! `cargo xtask language`: checks the prose of the repository, and measures it.
//!
//! Prose is comments, doc comments, Markdown and string literals. The check finds symptoms of
//! unclear English. It cannot tell whether a text is clear.

mod check;
mod figures;
mod literal;
mod markdown;
mod passage;
mod rust;
mod sample;
mod sentence;
mod words;

use clap::Args;

pub(crate) use check::Flaw;
use passage::{Kind, Prose};

use crate::failure::{Failure, OrFailure};
use crate::repository::Repository;

/// Files whose subject is the retired words.
const EXEMPT: [&str; 2] = ["docs/glossary.md", "xtask/src/language/"];
/// Files whose literals are a format on disk.
const FIXED_LITERALS: [&str; 1] = ["host/providers/src/vault/lease_journal/record.rs"];

/// Options of `cargo xtask language`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Check only files whose paths begin with one of these; the whole repository by default.
    paths: Vec<String>,
    /// Print this many doc comments, messages and paragraphs, drawn at random.
    #[arg(long, value_name = "N")]
    sample: Option<usize>,
    /// The seed of an earlier sample.
    #[arg(long, value_name = "S", requires = "sample")]
    seed: Option<u64>,
}

/// Prints a sample, or the flaws and the figures.
///
/// # Errors
///
/// A failure if a file cannot be read, if there is a flaw, or if a figure is over its limit.
pub(crate) fn run(repository: &Repository, options: &Options) -> Result<(), Failure> {
    let selected = |file: &String| {
        options.paths.is_empty() || options.paths.iter().any(|path| file.starts_with(path.trim_start_matches("./")))
    };
    let files: Vec<_> = repository.files()?.into_iter().filter(selected).collect();
    let prose = read(repository, &files)?;
    if let Some(count) = options.sample {
        let seed = options.seed.unwrap_or_else(|| fastrand::u64(..));
        print!("{}", sample::draw(&prose, count, seed));
        return Ok(());
    }
    let flaws = check::flaws(&prose);
    flaws.iter().for_each(|flaw| println!("{}:{}: {}", flaw.file, flaw.line, flaw.reason));
    let figures = figures::measure(&prose);
    print!("{}", figures.table());
    if flaws.is_empty() && figures.within_limits() {
        return Ok(());
    }
    Err(Failure::new(format!("{} flaws in the language of {} files", flaws.len(), files.len()))
        .or_next("rewrite each place that is named above; docs/glossary.md has the words"))
}

/// Returns the flaws of the given files.
///
/// # Errors
///
/// A failure if a file cannot be read.
pub(crate) fn flaws(repository: &Repository, files: &[String]) -> Result<Vec<Flaw>, Failure> {
    Ok(check::flaws(&read(repository, files)?))
}

fn read(repository: &Repository, files: &[String]) -> Result<Vec<Prose>, Failure> {
    let mut prose = Vec::new();
    for file in files.iter().filter(|file| !EXEMPT.iter().any(|exempt| file.starts_with(exempt))) {
        let parse: fn(&str, &str) -> Result<Prose, Failure> = match file.rsplit_once('.') {
            Some((_, "rs")) => rust::parse,
            Some((_, "wit")) if !file.starts_with("wit/deps/") => rust::parse_comments_only,
            Some((_, "md")) => markdown::parse,
            _ => continue,
        };
        let text = std::fs::read_to_string(repository.root.join(file)).or_failure(format!("read {file}"))?;
        let mut parsed = parse(file, &text)?;
        if FIXED_LITERALS.contains(&file.as_str()) {
            parsed.passages.retain(|passage| passage.kind != Kind::Literal);
        }
        prose.push(parsed);
    }
    Ok(prose)
}
