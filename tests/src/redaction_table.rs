//! The published table of redaction in `docs/security/redaction.md`: the forms in which a value is
//! found, and the others.

const REDACTION: &str = include_str!("../../docs/security/redaction.md");
const HEADER: &str = "| form of the value | found |";

/// One row of the table, with the probe's encodings that belong to it.
pub struct RedactionRow {
    /// The row's first cell.
    pub form: &'static str,
    /// Set if redaction finds this form.
    pub found: bool,
    /// The probe's encodings, as name and offset.
    pub encodings: &'static [(&'static str, usize)],
}

/// The rows that a probe can produce, in the order of the table.
pub const ROWS: &[RedactionRow] = &[
    RedactionRow { form: "verbatim", found: true, encodings: &[("raw", 0)] },
    RedactionRow {
        form: "hexadecimal: lower, upper, mixed case",
        found: true,
        encodings: &[("hex", 0), ("hex-upper", 0), ("hex-mixed", 0), ("hex", 1), ("hex-upper", 2)],
    },
    RedactionRow {
        form: "base64 or base64url, at any offset",
        found: true,
        encodings: &[("base64", 0), ("base64", 1), ("base64", 2), ("base64url", 0), ("base64url", 1), ("base64url", 2)],
    },
    RedactionRow {
        form: "percent-encoded: all bytes or some, upper or lower case, a space as `+`",
        found: true,
        encodings: &[("percent", 0), ("percent", 1), ("query", 0)],
    },
    RedactionRow { form: "in a JSON string, with any escapes", found: true, encodings: &[("json", 0)] },
    RedactionRow {
        form: "a prefix of the value: the first 64 bytes, and each following block of 64",
        found: true,
        encodings: &[("beginning", 0)],
    },
    RedactionRow { form: "any other part of the value", found: false, encodings: &[("rest", 0)] },
    RedactionRow {
        form: "two of these forms combined; base64 with line breaks; other encodings",
        found: false,
        encodings: &[("base64-of-hex", 0), ("base64-lines", 24)],
    },
    RedactionRow {
        form: "with other bytes in between, including line ends that the skill adds",
        found: false,
        encodings: &[("spaced", 0)],
    },
    RedactionRow {
        form: "reversed, XORed, encrypted, compressed",
        found: false,
        encodings: &[("reversed", 0), ("xored", 0)],
    },
];

/// The row of the published table about values themselves.
pub const TOO_WEAK: &str = "shorter than 4 bytes, or one character repeated";

/// Returns the rows of the published table: the form and the verdict.
pub fn published() -> Vec<(&'static str, &'static str)> {
    let rows = REDACTION.lines().skip_while(|line| *line != HEADER).skip(2).take_while(|line| line.starts_with('|'));
    rows.filter_map(|row| row.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | ")).collect()
}

/// Reports whether the table lists a probe's encoding as not found.
pub fn is_not_detectable(encoding: &str) -> bool {
    let row = ROWS.iter().find(|row| row.encodings.iter().any(|(form, _)| *form == encoding));
    row.is_some_and(|row| published().iter().any(|(form, found)| *form == row.form && found.starts_with("no")))
}
