//! The rule on guards: the list in far-capability against the places that use it.

use super::Violation;
use super::source::{Source, Sources};
use super::token::{Token, lines_of, pattern};

/// The list.
const LIST: &str = "host/capability/src/guard.rs";
/// The only crates that may be built otherwise for tests of their guards.
const OTHERWISE: [&str; 3] = ["host/capability/src/", "host/core/src/", "host/runtime/src/"];

/// Each guard of the list is used in code that ships, outside the list; and no crates but three are built otherwise when guards
/// can be turned off.
pub(super) fn used(sources: &Sources) -> Vec<Violation> {
    let mut violations = Vec::new();
    let Some(list) = sources.iter().find(|source| source.file == LIST) else {
        return vec![Violation { file: LIST.to_owned(), line: 1, what: "the list of guards is not there".to_owned() }];
    };
    let places: Vec<_> = sources.shipped().filter(|source| source.file != LIST).collect();
    let guards = guards(list);
    if guards.is_empty() {
        violations.push(list.violation(1, "the list of guards is empty, or cannot be read"));
    }
    for guard in guards {
        let name = format!("Guard::{}", guard.text);
        if !places.iter().any(|place| !place.lines_with(&name).is_empty()) {
            violations.push(list.violation(guard.line, format!("the guard {} stands nowhere", guard.text)));
        }
    }
    for place in places.iter().filter(|place| !OTHERWISE.iter().any(|may| place.file.starts_with(may))) {
        let lines = lines_of(&place.code, &pattern("far_mutate"));
        let told =
            lines.into_iter().map(|line| place.violation(line, "another crate is built otherwise for tests of guards"));
        violations.extend(told);
    }
    violations
}

/// The names in the list, as `NAME = ` in the macro's call.
fn guards(list: &Source) -> Vec<&Token> {
    let call = list.code.windows(3).position(|window| match window {
        [name, mark, brace] => name.is("guards") && mark.is("!") && brace.is("{"),
        _ => false,
    });
    let Some(body) = call.and_then(|position| list.code.get(position..)) else { return Vec::new() };
    let body = body.split(|token| token.is("}")).next().unwrap_or_default();
    let assigned = |window: &&[Token]| matches!(window, [name, mark] if name.is_name() && mark.is("="));
    // A doc comment is an attribute, `doc = "…"`.
    let assigned = body.windows(2).filter(assigned).filter_map(|window| window.first());
    assigned.filter(|name| !name.is("doc")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUARDS: &str = "macro_rules! guards { () => {} }\nguards! {\n    /// What it does.\n    One = \"one\",\n    Two = \"two\",\n}\n";

    fn broken(place: &str, text: &str) -> Vec<String> {
        let texts = vec![(LIST.to_owned(), GUARDS.to_owned()), (place.to_owned(), text.to_owned())];
        used(&Sources::of(texts).unwrap()).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_guard_stands_somewhere() {
        let both = "if Guard::One.stands() && Guard::Two.stands() {}";
        assert!(broken("host/core/src/a.rs", both).is_empty());
        let nowhere = ["host/capability/src/guard.rs:5: the guard Two stands nowhere"];
        for text in [
            "Guard::One.stands()",
            "Guard::One.stands(); Guard::Twofold.stands()",
            "Guard::One.stands(); // Guard::Two",
            "Guard::One.stands(); #[cfg(test)] mod tests { Guard::Two.stands() }",
        ] {
            assert_eq!(broken("host/core/src/a.rs", text), nowhere, "{text}");
        }
    }

    #[test]
    fn three_crates_know_of_the_build_without_guards() {
        let text = "Guard::One; Guard::Two; #[cfg(far_mutate)] fn f() {}";
        assert!(broken("host/core/src/a.rs", text).is_empty());
        assert!(broken("host/runtime/src/a.rs", text).is_empty());
        assert!(broken("host/capability/src/a.rs", text).is_empty());
        assert_eq!(broken("host/cli/src/a.rs", text).len(), 1);
    }

    #[test]
    fn a_list_that_is_not_found_is_told() {
        assert_eq!(used(&Sources::of(Vec::new()).unwrap()).len(), 1);
        assert_eq!(used(&Sources::of(vec![(LIST.to_owned(), "fn f() {}".to_owned())]).unwrap()).len(), 1);
    }
}
