//! The rule that the files of a crate form no circle.
//!
//! A file depends on another one if its code names something that the other file defines, by a `use` or by a path from
//! `crate`, `self`, `super` or a module in scope. Names are followed through re-exports and imports to the file that
//! defines them, so that a facade in a `mod.rs` hides no circle. Files in a circle can only be read and changed together.
//!
//! Not a dependency:
//!
//! - `mod x;`, and a `pub use` whose name the file's own code does not mention: they say where things are.
//! - What a module names of the modules below it: a module is made of its parts, which may use its vocabulary.
//! - Code for tests (`#[cfg(test)]`), documentation, and text.
//! - A call of a method that another file adds to a type: the type, not the file, is named.

mod graph;
mod module;
mod path;

use self::graph::{Edge, Graph};
use self::module::Crate;
use super::Violation;
use super::source::Sources;

/// No crate has files that depend on each other in a circle.
pub(super) fn none(sources: &Sources) -> Vec<Violation> {
    let roots = sources.iter().map(|source| source.file.as_str()).filter(|file| is_root(file));
    let circles = roots.flat_map(|root| Graph::of(&Crate::of(root, sources)).circles());
    circles.flat_map(|circle| circle.edges.into_iter().map(move |edge| told(&edge, circle.files))).collect()
}

/// Whether a file is the root of a library or a program.
fn is_root(file: &str) -> bool {
    let Some((_, path)) = file.rsplit_once("/src/") else { return false };
    match path.split('/').collect::<Vec<_>>()[..] {
        ["lib.rs" | "main.rs"] | ["bin", _, "main.rs"] => true,
        ["bin", program] => program.ends_with(".rs"),
        _ => false,
    }
}

fn told(edge: &Edge, files: usize) -> Violation {
    let what = format!("{} is in {}, which leads back here: {files} files in a circle", edge.name, edge.to);
    Violation { file: edge.from.clone(), line: edge.line, what }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(texts: &[(&str, &str)]) -> Sources {
        let texts = texts.iter().map(|(file, text)| (format!("host/a/src/{file}"), (*text).to_owned()));
        Sources::of(texts.collect()).unwrap()
    }

    fn circles(texts: &[(&str, &str)]) -> Vec<String> {
        none(&sources(texts)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn circle_is_told_by_its_edges() {
        let told = circles(&[
            ("lib.rs", "mod a; mod b; mod c;"),
            ("a.rs", "use crate::b::B;"),
            ("b.rs", "struct B;\nfn f() { super::c::g() }"),
            ("c.rs", "use crate::{a, b as other}; fn g() { a::f(); other::f() }"),
        ]);
        let expected = [
            "host/a/src/b.rs:2: super::c::g is in host/a/src/c.rs, which leads back here: 3 files in a circle",
            "host/a/src/c.rs:1: crate::b is in host/a/src/b.rs, which leads back here: 3 files in a circle",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn facade_hides_no_circle() {
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
            assert_eq!(circles(&[root, ("room/mod.rs", facade), parts[0], parts[1]]).len(), 2, "{facade}");
        }
    }

    #[test]
    fn parts_may_use_vocabulary_of_their_module() {
        let texts = [
            ("lib.rs", "mod room; use room::Room; pub struct Name;"),
            ("room/mod.rs", "mod part; use self::part::Part; use crate::Name; pub struct Room(Part);"),
            ("room/part.rs", "mod detail; use super::Room; pub struct Part;"),
            ("room/part/detail.rs", "use super::Part; use crate::room::Room;"),
        ];
        assert_eq!(circles(&texts), [""; 0]);
    }

    #[test]
    fn reexport_is_a_dependency_if_its_file_uses_it() {
        let texts =
            |door| [("lib.rs", "mod door; mod b;"), ("door.rs", door), ("b.rs", "use crate::door::Key; struct B;")];
        assert_eq!(circles(&texts("pub use crate::b::B; struct Key;")), [""; 0]);
        assert_eq!(circles(&texts("pub use crate::b::B; struct Key(B);")).len(), 2);
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
        assert_eq!(circles(&texts), [""; 0]);
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
