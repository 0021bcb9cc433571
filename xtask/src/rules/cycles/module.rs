//! The modules of a crate: their files, their items, and the names in their code.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path as FilePath;

use super::path::{Path, imports, path};
use crate::rules::source::{Source, Sources};
use crate::rules::token::Token;

/// Keywords before the name of an item.
const ITEMS: [&str; 9] = ["const", "enum", "fn", "macro_rules", "static", "struct", "trait", "type", "union"];
/// The limit of steps from a name to its definition, since imports may be cyclic.
const MAX_STEPS: usize = 16;

/// The modules of a crate; the first is its root.
pub(super) struct Crate<'a> {
    pub(super) modules: Vec<Module<'a>>,
    sources: BTreeMap<&'a str, &'a Source>,
}

#[derive(Default)]
pub(super) struct Module<'a> {
    pub(super) file: &'a str,
    parent: Option<usize>,
    children: BTreeMap<&'a str, usize>,
    items: BTreeSet<&'a str>,
    imports: BTreeMap<String, Path>,
    globs: Vec<Path>,
    /// Public imports. They are dependencies only if the module's own code uses the name.
    reexports: Vec<(String, Path)>,
    names: BTreeSet<&'a str>,
    paths: Vec<Path>,
}

impl<'a> Crate<'a> {
    /// Reads the crate with this root file.
    pub(super) fn of(root: &'a str, sources: &'a Sources) -> Self {
        let sources = sources.iter().map(|source| (source.file.as_str(), source)).collect();
        let mut whole = Self { modules: Vec::new(), sources };
        let folder = FilePath::new(root).parent().unwrap_or(FilePath::new("")).to_owned();
        whole.add_file(root, None, &folder);
        whole
    }

    fn add_file(&mut self, file: &'a str, parent: Option<usize>, folder: &FilePath) -> Option<usize> {
        let source = *self.sources.get(file)?;
        let module = self.add(file, parent);
        self.read(module, &source.production, 0, folder);
        Some(module)
    }

    fn add(&mut self, file: &'a str, parent: Option<usize>) -> usize {
        self.modules.push(Module { file, parent, ..Module::default() });
        self.modules.len() - 1
    }

    /// Reads a module's code to the end of its body, and returns the position after it. `folder`
    /// has the files of its child modules.
    fn read(&mut self, module: usize, tokens: &'a [Token], mut at: usize, folder: &FilePath) -> usize {
        let mut depth = 0_u32;
        while let Some(token) = tokens.get(at) {
            let next = |ahead: usize| tokens.get(at + ahead).map(|token| token.text.as_str());
            let previous = at.checked_sub(1).and_then(|at| tokens.get(at)).map_or("", |token| token.text.as_str());
            match token.text.as_str() {
                "{" | "(" | "[" => depth += 1,
                "}" if depth == 0 => return at + 1,
                "}" | ")" | "]" => depth = depth.saturating_sub(1),
                "mod" if depth == 0 && matches!(next(2), Some(";" | "{")) => {
                    at = self.read_module(module, tokens, at, folder);
                    continue;
                }
                // `use<'a>` is a bound.
                "use" if next(1) != Some("<") => {
                    at = self.read_use(module, tokens, at);
                    continue;
                }
                _ if token.is_name() => {
                    let Some(entry) = self.modules.get_mut(module) else { return tokens.len() };
                    if depth == 0 && ITEMS.contains(&token.text.as_str()) {
                        let name = tokens.get(at + if next(1) == Some("!") { 2 } else { 1 });
                        entry.items.extend(name.map(|name| name.text.as_str()));
                    }
                    if !matches!(previous, "." | "::")
                        && let Some((path, after)) = path(tokens, at)
                    {
                        entry.names.insert(&token.text);
                        if path.segments.len() > 1 {
                            entry.paths.push(path);
                        }
                        at = after;
                        continue;
                    }
                }
                _ => {}
            }
            at += 1;
        }
        at
    }

    /// Reads `mod NAME;` or `mod NAME { … }` with its content.
    fn read_module(&mut self, parent: usize, tokens: &'a [Token], at: usize, folder: &FilePath) -> usize {
        let name = tokens.get(at + 1).map_or("", |token| token.text.as_str());
        let own_folder = folder.join(name);
        if tokens.get(at + 2).is_some_and(|token| token.is("{")) {
            let file = self.modules.get(parent).map_or("", |parent| parent.file);
            let module = self.add(file, Some(parent));
            self.name_child(parent, name, module);
            return self.read(module, tokens, at + 3, &own_folder);
        }
        let files = [own_folder.with_added_extension("rs"), own_folder.join("mod.rs")];
        let file = files.iter().find_map(|file| self.sources.get_key_value(file.to_str()?).map(|(file, _)| *file));
        // A file of another crate, included by `#[path]`, is ignored.
        if let Some(module) = file.and_then(|file| self.add_file(file, Some(parent), &own_folder)) {
            self.name_child(parent, name, module);
        }
        at + 3
    }

    fn name_child(&mut self, parent: usize, name: &'a str, child: usize) {
        if let Some(parent) = self.modules.get_mut(parent) {
            parent.children.insert(name, child);
        }
    }

    fn read_use(&mut self, module: usize, tokens: &'a [Token], at: usize) -> usize {
        let (leaves, after) = imports(tokens, at + 1);
        // `pub`, or the end of `pub(…)`.
        let is_public =
            tokens.get(..at).unwrap_or_default().last().is_some_and(|token| token.is("pub") || token.is(")"));
        let Some(module) = self.modules.get_mut(module) else { return after };
        for leaf in leaves {
            match leaf.name {
                Some(name) => {
                    module.imports.insert(name.clone(), leaf.path.clone());
                    if is_public {
                        module.reexports.push((name, leaf.path));
                    } else {
                        module.paths.push(leaf.path);
                    }
                }
                None => {
                    module.globs.push(leaf.path.clone());
                    if !is_public {
                        module.paths.push(leaf.path);
                    }
                }
            }
        }
        after
    }

    /// Returns the dependencies of a module: each path with its target file. Targets in the
    /// module's own file and in modules below it are omitted.
    pub(super) fn dependencies(&self, module: usize) -> Vec<(&Path, &'a str)> {
        let Some(entry) = self.modules.get(module) else { return Vec::new() };
        let used = entry.reexports.iter().filter(|(name, _)| entry.names.contains(name.as_str()));
        let paths = entry.paths.iter().chain(used.map(|(_, path)| path));
        let whole_file = self.ancestors(module).take_while(|ancestor| self.file(*ancestor) == entry.file).last();
        let resolved = paths.filter_map(|path| Some((path, self.resolve(module, &path.segments, MAX_STEPS)?)));
        let elsewhere = resolved.filter(|(_, target)| {
            let is_below = self.ancestors(*target).any(|ancestor| Some(ancestor) == whole_file);
            self.file(*target) != entry.file && !is_below
        });
        elsewhere.map(|(path, target)| (path, self.file(target))).collect()
    }

    fn file(&self, module: usize) -> &'a str {
        self.modules.get(module).map_or("", |module| module.file)
    }

    /// Returns a module and its parents.
    fn ancestors(&self, module: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(module), |module| self.modules.get(*module)?.parent)
    }

    /// Returns the module that defines the target of a path, or `None` for another crate.
    fn resolve(&self, from: usize, segments: &[String], steps: usize) -> Option<usize> {
        let [first, rest @ ..] = segments else { return Some(from) };
        let steps = steps.checked_sub(1)?;
        let module = self.modules.get(from)?;
        match first.as_str() {
            "crate" => self.below(0, rest, steps),
            "self" => self.below(from, rest, steps),
            "super" => self.resolve_from_parent(module.parent?, rest, steps),
            name if module.children.contains_key(name) || module.imports.contains_key(name) => {
                self.below(from, segments, steps)
            }
            _ => None,
        }
    }

    fn resolve_from_parent(&self, parent: usize, rest: &[String], steps: usize) -> Option<usize> {
        match rest {
            [again, ..] if again == "super" => self.resolve(parent, rest, steps),
            _ => self.below(parent, rest, steps),
        }
    }

    /// Follows the segments of a path within a module.
    fn below(&self, module: usize, segments: &[String], steps: usize) -> Option<usize> {
        let steps = steps.checked_sub(1)?;
        let [name, rest @ ..] = segments else { return Some(module) };
        let entry = self.modules.get(module)?;
        if let Some(child) = entry.children.get(name.as_str()) {
            return self.below(*child, rest, steps);
        }
        if entry.items.contains(name.as_str()) {
            return Some(module);
        }
        if let Some(import) = entry.imports.get(name) {
            // `use name;` imports another crate.
            let path = [&import.segments, rest].concat();
            return if path == segments { None } else { self.resolve(module, &path, steps) };
        }
        let globs = entry.globs.iter().filter_map(|glob| self.resolve(module, &glob.segments, steps));
        let defined = |module: &usize| self.modules.get(*module).is_some_and(|module| module.has(name));
        match globs.into_iter().find(defined) {
            Some(module) => self.below(module, segments, steps),
            // An item that a macro defines.
            None => Some(module),
        }
    }
}

impl Module<'_> {
    /// Returns true if a glob import of this module includes a name.
    fn has(&self, name: &str) -> bool {
        let is_reexport = || self.reexports.iter().any(|(reexport, _)| reexport == name);
        self.children.contains_key(name) || self.items.contains(name) || is_reexport()
    }
}
