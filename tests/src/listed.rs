//! What is published of redaction, in `SECURITY.md`: in which forms a value is found, and in which not.

const SECURITY: &str = include_str!("../../SECURITY.md");
const HEADER: &str = "| form of the value | found |";

/// One row of the table, and ways to say a value so, as the probes name them: form and offset.
pub struct Listed {
    /// The row's first cell.
    pub form: &'static str,
    /// Whether it is to be found.
    pub found: bool,
    /// How a probe says it.
    pub said: &'static [(&'static str, usize)],
}

/// The rows for which a probe has words, in the order of the table. What is shorter than 4 bytes is no form of saying.
pub const ROWS: &[Listed] = &[
    Listed { form: "as it is", found: true, said: &[("raw", 0)] },
    Listed {
        form: "hexadecimal: lower, upper, mixed case",
        found: true,
        said: &[("hex", 0), ("hex-upper", 0), ("hex-mixed", 0), ("hex", 1), ("hex-upper", 2)],
    },
    Listed {
        form: "base64, base64url, wherever in the encoded bytes it begins",
        found: true,
        said: &[("base64", 0), ("base64", 1), ("base64", 2), ("base64url", 0), ("base64url", 1), ("base64url", 2)],
    },
    Listed {
        form: "percent-encoded: all bytes or some, either case, a space as `+`",
        found: true,
        said: &[("percent", 0), ("percent", 1), ("query", 0)],
    },
    Listed { form: "in a JSON string, with any of its escapes", found: true, said: &[("json", 0)] },
    Listed {
        form: "a part of it: its first 64 bytes, and what follows of it in steps of 64",
        found: true,
        said: &[("beginning", 0)],
    },
    Listed { form: "any other part of it", found: false, said: &[("rest", 0)] },
    Listed {
        form: "two of these forms on top of each other; base64 in lines; other encodings",
        found: false,
        said: &[("base64-of-hex", 0), ("base64-lines", 24)],
    },
    Listed {
        form: "with anything between its parts, a line end of the skill's own too",
        found: false,
        said: &[("spaced", 0)],
    },
    Listed { form: "reversed, XORed, encrypted, compressed", found: false, said: &[("reversed", 0), ("xored", 0)] },
];

/// The one row of the published table that is about values themselves.
pub const TOO_WEAK: &str = "shorter than 4 bytes, or one character repeated";

/// The published table: forms, and what is said of each.
pub fn published() -> Vec<(&'static str, &'static str)> {
    let rows = SECURITY.lines().skip_while(|line| *line != HEADER).skip(2).take_while(|line| line.starts_with('|'));
    rows.filter_map(|row| row.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | ")).collect()
}

/// Whether it is published that what a probe calls so is not found.
pub fn is_not_detectable(said: &str) -> bool {
    let row = ROWS.iter().find(|row| row.said.iter().any(|(form, _)| *form == said));
    row.is_some_and(|row| published().iter().any(|(form, found)| *form == row.form && found.starts_with("no")))
}
