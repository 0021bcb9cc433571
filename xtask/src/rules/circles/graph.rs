//! Files and what they depend on, and the circles among them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::module::Crate;

/// A dependency of one file on another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Edge {
    pub(super) from: String,
    pub(super) to: String,
    /// What the first file names, and where.
    pub(super) name: String,
    pub(super) line: usize,
}

/// Files that all lead to each other, by the shortest circle among them.
pub(super) struct Circle {
    pub(super) edges: Vec<Edge>,
    /// How many files lead to each other.
    pub(super) files: usize,
}

/// The files of a crate.
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

    /// All of them, each once.
    pub(super) fn circles(&self) -> Vec<Circle> {
        let reached: BTreeMap<_, _> = self.edges.keys().map(|file| (file.as_str(), self.reached(file))).collect();
        let leads = |from: &str, to: &str| reached.get(from).is_some_and(|reached| reached.contains(to));
        let mut done: BTreeSet<&str> = BTreeSet::new();
        let mut circles = Vec::new();
        for file in reached.keys() {
            if done.contains(file) || !leads(file, file) {
                continue;
            }
            let together: Vec<_> = reached.keys().filter(|other| leads(file, other) && leads(other, file)).collect();
            let shortest = together.iter().filter_map(|file| self.way_back(file)).min_by_key(Vec::len);
            circles.extend(shortest.map(|edges| Circle { edges, files: together.len() }));
            done.extend(together);
        }
        circles
    }

    /// The files that a file leads to, by whichever way.
    fn reached<'a>(&'a self, file: &str) -> BTreeSet<&'a str> {
        let mut reached = BTreeSet::new();
        let mut next: Vec<_> = self.edges.get_key_value(file).map(|(file, _)| file.as_str()).into_iter().collect();
        while let Some(file) = next.pop() {
            let files = self.edges.get(file).into_iter().flat_map(BTreeMap::keys).map(String::as_str);
            next.extend(files.filter(|file| reached.insert(*file)));
        }
        reached
    }

    /// A shortest way from a file to itself.
    fn way_back(&self, file: &str) -> Option<Vec<Edge>> {
        let mut seen = BTreeSet::new();
        let mut queue = VecDeque::from([(file, Vec::new())]);
        while let Some((at, way)) = queue.pop_front() {
            for edge in self.edges.get(at).into_iter().flat_map(BTreeMap::values) {
                if !seen.insert(edge.to.as_str()) {
                    continue;
                }
                let mut longer = way.clone();
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
