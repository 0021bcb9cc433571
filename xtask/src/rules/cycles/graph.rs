//! The dependency graph of a crate's files, and its cycles.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::module::Crate;

/// A dependency of one file on another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Edge {
    pub(super) from: String,
    pub(super) to: String,
    /// The name in the first file, and its line.
    pub(super) name: String,
    pub(super) line: usize,
}

/// A strongly connected component, with its shortest cycle.
pub(super) struct Cycle {
    pub(super) edges: Vec<Edge>,
    /// The number of files in the component.
    pub(super) files: usize,
}

/// The dependencies of a crate's files.
pub(super) struct Graph {
    edges: BTreeMap<String, BTreeMap<String, Edge>>,
}

impl Graph {
    pub(super) fn of(whole: &Crate<'_>) -> Self {
        let mut edges: BTreeMap<String, BTreeMap<String, Edge>> = BTreeMap::new();
        for (number, module) in whole.modules.iter().enumerate() {
            let from = edges.entry(module.file.to_owned()).or_default();
            for (path, file) in whole.dependencies(number) {
                from.entry(file.to_owned()).or_insert_with(|| Edge {
                    from: module.file.to_owned(),
                    to: file.to_owned(),
                    name: path.segments.join("::"),
                    line: path.line,
                });
            }
        }
        Self { edges }
    }

    /// Returns the cycles, one for each strongly connected component.
    pub(super) fn cycles(&self) -> Vec<Cycle> {
        let reachable: BTreeMap<_, _> = self.edges.keys().map(|file| (file.as_str(), self.reachable(file))).collect();
        let leads = |from: &str, to: &str| reachable.get(from).is_some_and(|files| files.contains(to));
        let mut done: BTreeSet<&str> = BTreeSet::new();
        let mut cycles = Vec::new();
        for file in reachable.keys() {
            if done.contains(file) || !leads(file, file) {
                continue;
            }
            let component: Vec<_> = reachable.keys().filter(|other| leads(file, other) && leads(other, file)).collect();
            let shortest = component.iter().filter_map(|file| self.cycle_through(file)).min_by_key(Vec::len);
            cycles.extend(shortest.map(|edges| Cycle { edges, files: component.len() }));
            done.extend(component);
        }
        cycles
    }

    /// Returns the direct and indirect dependencies of a file.
    fn reachable<'a>(&'a self, file: &str) -> BTreeSet<&'a str> {
        let mut reached = BTreeSet::new();
        let mut next: Vec<_> = self.edges.get_key_value(file).map(|(file, _)| file.as_str()).into_iter().collect();
        while let Some(file) = next.pop() {
            let files = self.edges.get(file).into_iter().flat_map(BTreeMap::keys).map(String::as_str);
            next.extend(files.filter(|file| reached.insert(*file)));
        }
        reached
    }

    /// Returns a shortest path from a file to itself.
    fn cycle_through(&self, file: &str) -> Option<Vec<Edge>> {
        let mut seen = BTreeSet::new();
        let mut queue = VecDeque::from([(file, Vec::new())]);
        while let Some((at, path)) = queue.pop_front() {
            for edge in self.edges.get(at).into_iter().flat_map(BTreeMap::values) {
                if !seen.insert(edge.to.as_str()) {
                    continue;
                }
                let mut longer = path.clone();
                longer.push(edge);
                if edge.to == file {
                    return Some(longer.into_iter().cloned().collect());
                }
                queue.push_back((edge.to.as_str(), longer));
            }
        }
        None
    }
}
