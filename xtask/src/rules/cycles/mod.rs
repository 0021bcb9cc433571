//! The rule that the files of a crate have no cyclic dependencies.
//!
//! A file depends on another file if its code names an item of that file. The name may come from a
//! `use`, or from a path through `crate`, `self`, `super` or a module in scope. Names are resolved
//! through re-exports and imports, so a facade in a `mod.rs` hides no cycle. Files in a cycle can
//! only be read and changed together.
//!
//! Not a dependency:
//!
//! - `mod x;`, and a `pub use` of a name that the file's own code does not use.
//! - A name from a module below: parts of a module may use its vocabulary.
//! - Test code (`#[cfg(test)]`), documentation and text.
//! - A call of a method that another file adds to a type. The code names only the type.

mod graph;
mod module;
mod path;

use self::graph::{Edge, Graph};
use self::module::Crate;
use super::Violation;
use super::source::Sources;

/// Checks that no crate has cyclic dependencies between files.
pub(super) fn acyclic(sources: &Sources) -> Vec<Violation> {
    let roots = sources.iter().map(|source| source.file.as_str()).filter(|file| is_root(file));
    let cycles = roots.flat_map(|root| Graph::of(&Crate::of(root, sources)).cycles());
    cycles.flat_map(|cycle| cycle.edges.into_iter().map(move |edge| violation(&edge, cycle.files))).collect()
}

/// Returns true if a file is the root of a library or a program.
fn is_root(file: &str) -> bool {
    let Some((_, path)) = file.rsplit_once("/src/") else { return false };
    match path.split('/').collect::<Vec<_>>()[..] {
        ["lib.rs" | "main.rs"] | ["bin", _, "main.rs"] => true,
        ["bin", program] => program.ends_with(".rs"),
        _ => false,
    }
}

fn violation(edge: &Edge, files: usize) -> Violation {
    let message = format!("{} is in {}, which depends on this file: a cycle of {files} files", edge.name, edge.to);
    Violation { file: edge.from.clone(), line: edge.line, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(texts: &[(&str, &str)]) -> Sources {
        let texts = texts.iter().map(|(file, text)| (format!("host/a/src/{file}"), (*text).to_owned()));
        Sources::of(texts.collect()).unwrap()
    }

    fn cycles(texts: &[(&str, &str)]) -> Vec<String> {
        acyclic(&sources(texts)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn cycle_is_reported_by_its_edges() {
        let reported = cycles(&[
            ("lib.rs", "mod a; mod b; mod c;"),
            ("a.rs", "use crate::b::B;"),
            ("b.rs", "struct B;\nfn f() { super::c::g() }"),
            ("c.rs", "use crate::{a, b as other}; fn g() { a::f(); other::f() }"),
        ]);
        let expected = [
            "host/a/src/b.rs:2: super::c::g is in host/a/src/c.rs, which depends on this file: a cycle of 3 files",
            "host/a/src/c.rs:1: crate::b is in host/a/src/b.rs, which depends on this file: a cycle of 3 files",
        ];
        assert_eq!(reported, expected);
    }

    #[test]
    fn facade_hides_no_cycle() {
        let parts = [
            ("room/one.rs", "use crate::room::Two; pub struct One;"),
            ("room/two.rs", "use super::One; pub struct Two;"),
        ];
        let root = ("lib.rs", "mod room;");
        for facade in [
            "mod one; mod two; pub use one::One; pub use self::two::Two;",
            "mod one; mod two; pub use {one::*, two::*};",
            "mod one; mod two; use one::One; use two::Two; fn f(_: One, _: Two) {}",
        ] {
            assert_eq!(cycles(&[root, ("room/mod.rs", facade), parts[0], parts[1]]).len(), 2, "{facade}");
        }
    }

    #[test]
    fn parts_may_use_items_of_their_module() {
        let texts = [
            ("lib.rs", "mod room; use room::Room; pub struct Name;"),
            ("room/mod.rs", "mod part; use self::part::Part; use crate::Name; pub struct Room(Part);"),
            ("room/part.rs", "mod detail; use super::Room; pub struct Part;"),
            ("room/part/detail.rs", "use super::Part; use crate::room::Room;"),
        ];
        assert_eq!(cycles(&texts), [""; 0]);
    }

    #[test]
    fn used_reexport_is_a_dependency() {
        let texts =
            |door| [("lib.rs", "mod door; mod b;"), ("door.rs", door), ("b.rs", "use crate::door::Key; struct B;")];
        assert_eq!(cycles(&texts("pub use crate::b::B; struct Key;")), [""; 0]);
        assert_eq!(cycles(&texts("pub use crate::b::B; struct Key(B);")).len(), 2);
    }

    #[test]
    fn tests_and_other_crates_do_not_count() {
        let texts = [
            ("lib.rs", "mod a; mod b;"),
            (
                "a.rs",
                "use tokio::b; use std::b::B; #[cfg(test)] mod tests { use crate::b::B; } /// crate::b::B\nfn f() {}",
            ),
            ("b.rs", "use crate::a::A; struct B;"),
            ("bin/tool/main.rs", "mod a; use far_a::b; fn main() { a.b(); x.b::<a>(); }"),
            ("bin/tool/a.rs", "fn b() {}"),
        ];
        assert_eq!(cycles(&texts), [""; 0]);
    }

    #[test]
    fn roots_are_libraries_and_programs() {
        for root in ["a/src/lib.rs", "src/src/main.rs", "a/src/bin/b.rs", "a/src/bin/b/main.rs"] {
            assert!(is_root(root), "{root}");
        }
        for file in ["a/src/b/lib.rs", "a/src/bin/b/c.rs", "a/tests/main.rs", "a/src/b.rs"] {
            assert!(!is_root(file), "{file}");
        }
    }
}
