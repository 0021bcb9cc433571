//! The choice of mutations for a run.

use clap::Args;

use super::catalog::{CATALOG, Catalog, Mutation};
use crate::failure::{Failure, OrFailure};
use crate::invocation::Invocation;
use crate::repository::Repository;

/// The choice of guards. Each option adds guards.
#[derive(Debug, Default, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct Choice {
    /// Names of guards in tests/mutations.toml.
    #[arg(value_name = "GUARD")]
    guards: Vec<String>,
    /// Choose every guard.
    #[arg(long)]
    all: bool,
    /// Choose guards in files that differ from a commit, by default the merge base with main.
    ///
    /// On main itself, the default is the parent commit.
    #[arg(long, value_name = "REF", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    changed: Option<String>,
    /// Choose N other guards at random, and print the seed.
    #[arg(long, value_name = "N")]
    random: Option<usize>,
    /// The seed of an earlier run.
    #[arg(long, value_name = "SEED", requires = "random")]
    seed: Option<u64>,
    /// The maximum number of guards in changed files, which bounds the time of CI.
    #[arg(skip)]
    max_changed: Option<usize>,
}

/// The maximum number of guards in changed files for CI. Each takes about half a minute.
const MAX_CHANGED: usize = 10;

impl Choice {
    /// Returns the choice for CI: at most ten guards in changed files, and five others.
    pub(crate) fn of_ci() -> Self {
        Self { changed: Some(String::new()), random: Some(5), max_changed: Some(MAX_CHANGED), ..Self::default() }
    }

    /// Returns the chosen mutations by file, since neighbors in the same crate build faster.
    pub(super) fn of(&self, repository: &Repository, catalog: &Catalog) -> Result<Vec<Mutation>, Failure> {
        if let Some(unknown) = self.guards.iter().find(|guard| catalog.find(guard).is_none()) {
            return Err(
                Failure::new(format!("unknown guard '{unknown}'")).or_next(format!("choose a name in {CATALOG}"))
            );
        }
        let changed = match &self.changed {
            Some(reference) => match Changed::since(repository, reference) {
                Err(failure) if self.max_changed.is_some() => {
                    println!("guards in changed files are skipped: {failure}");
                    Changed::default()
                }
                changed => changed?,
            },
            None => Changed::default(),
        };
        self.chosen(catalog, &changed)
    }

    fn chosen(&self, catalog: &Catalog, changed: &Changed) -> Result<Vec<Mutation>, Failure> {
        let is_chosen =
            |mutation: &Mutation| self.all || self.guards.contains(&mutation.guard) || changed.touches(mutation);
        let (mut chosen, mut others): (Vec<&Mutation>, Vec<_>) =
            catalog.mutations.iter().partition(|one| is_chosen(one));
        if let Some(count) = self.random {
            let seed = match self.seed {
                Some(seed) => seed,
                None => getrandom::u32().map(u64::from).or_failure("generate a seed")?,
            };
            println!("seed: {seed}");
            let mut random = fastrand::Rng::with_seed(seed);
            if let Some(max) = self.max_changed.filter(|max| chosen.len() > *max) {
                println!(
                    "{max} of {} guards in changed files; 'cargo xtask mutants --changed' runs all of them",
                    chosen.len()
                );
                random.shuffle(&mut chosen);
                others.extend(chosen.split_off(max));
            }
            random.shuffle(&mut others);
            chosen.extend(others.into_iter().take(count));
        }
        chosen.sort_by_key(|one| one.files());
        Ok(chosen.into_iter().cloned().collect())
    }
}

/// The differences from a commit.
#[derive(Default)]
struct Changed {
    files: Vec<String>,
    /// The catalog of that commit, if the catalog differs.
    catalog: Option<Catalog>,
}

impl Changed {
    fn since(repository: &Repository, reference: &str) -> Result<Self, Failure> {
        let base = if reference.is_empty() { base(repository)? } else { reference.to_owned() };
        let names = |list: Invocation| {
            let output = list.output(&repository.root)?;
            list.succeeded(output.status)?;
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            Ok::<_, Failure>(text.split_terminator('\0').map(str::to_owned).collect::<Vec<_>>())
        };
        let mut files = names(Invocation::new("git").words("diff --name-only --no-renames -z").arg(&base).arg("--"))?;
        files.extend(names(Invocation::new("git").words("ls-files --others --exclude-standard -z"))?);
        println!("changed since {base}: {} files", files.len());
        let catalog = if files.iter().any(|file| file == CATALOG) {
            let before = Invocation::new("git").arg("show").arg(format!("{base}:{CATALOG}")).stdout(&repository.root);
            before.and_then(|text| Catalog::parse(&text).ok())
        } else {
            None
        };
        Ok(Self { files, catalog })
    }

    /// Returns true if the mutation or one of its files differs.
    fn touches(&self, mutation: &Mutation) -> bool {
        mutation.files().iter().any(|file| self.files.iter().any(|changed| changed == file))
            || self.catalog.as_ref().is_some_and(|before| before.find(&mutation.guard) != Some(mutation))
    }
}

/// Returns the merge base with main, or the parent commit on main itself.
fn base(repository: &Repository) -> Result<String, Failure> {
    let git = |words: &str| Invocation::new("git").words(words).stdout(&repository.root);
    let head = git("rev-parse HEAD");
    let merged = git("merge-base HEAD origin/main").or_else(|| git("merge-base HEAD main"));
    merged.filter(|base| Some(base) != head.as_ref()).or_else(|| git("rev-parse --verify --quiet HEAD~1")).ok_or_else(
        || Failure::new("git has neither a merge base with main nor a parent").or_next("name a commit: --changed=REF"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog() -> Catalog {
        let one = |name: char| {
            format!(
                "[[mutation]]\nguard = '{name}'\nrule = ''\nattacks = []\n\
                 [[mutation.edit]]\nfile = '{name}.rs'\ntext = 'a'\nreplacement = 'b'\n"
            )
        };
        Catalog::parse(&('a'..='z').map(one).collect::<String>()).unwrap()
    }

    fn chosen(choice: &Choice) -> Result<String, Failure> {
        let repository = Repository::find().unwrap();
        Ok(choice.of(&repository, &catalog())?.into_iter().map(|mutation| mutation.guard).collect())
    }

    #[test]
    fn ci_bounds_guards_of_changed_files() {
        let changed = |count: u8| Changed {
            files: (b'a'..b'a' + count).map(|name| format!("{}.rs", char::from(name))).collect(),
            catalog: None,
        };
        for (count, expected) in [(0, 5), (3, 8), (10, 15), (20, 15), (26, 15)] {
            let chosen = Choice::of_ci().chosen(&catalog(), &changed(count)).unwrap();
            assert_eq!(chosen.len(), expected.min(26), "{count}");
        }
    }

    #[test]
    fn named_guards_are_chosen_in_order() {
        let choice = Choice { guards: vec!["x".into(), "c".into()], ..Choice::default() };
        assert_eq!(chosen(&choice).unwrap(), "cx");
        assert_eq!(chosen(&Choice { all: true, ..Choice::default() }).unwrap().len(), 26);
        assert!(chosen(&Choice { guards: vec!["unknown".into()], ..Choice::default() }).is_err());
    }

    #[test]
    fn equal_seeds_choose_alike() {
        let of = |seed| {
            let choice = Choice { guards: vec!["x".into()], random: Some(5), seed: Some(seed), ..Choice::default() };
            chosen(&choice).unwrap()
        };
        assert_eq!(of(7), of(7));
        assert_eq!(of(7).len(), 6);
        assert!((0..20).any(|seed| of(seed) != of(7)));
    }

    #[test]
    fn changed_files_and_entries_are_chosen() {
        let (now, mut before) = (catalog(), catalog());
        before.mutations.retain(|mutation| mutation.guard != "b");
        let changed = Changed { files: vec!["a.rs".into()], catalog: Some(before) };
        let touched: Vec<_> = now.mutations.iter().filter(|one| changed.touches(one)).map(|one| &one.guard).collect();
        assert_eq!(touched, ["a", "b"]);
    }
}
