//! `far.toml`.

use far_cli::internal::{ParseFailure, far_toml as read};
use far_component::review::is_invisible;
use far_core::capability::Destination;

pub(super) const TOKENS: &[&str] = &[
    "[agent]\n",
    "[runtime]\n",
    "[egress]\n",
    "[providers.dev]\n",
    "[secrets.key]\n",
    "[tools]\n",
    "type = \"dotenv\"\n",
    "type = \"vault\"\n",
    "path = \".env\"\n",
    "operations = [\"seal\"]\n",
    "destinations = [\"https://a.example\"]\n",
    "ttl = \"60s\"\n",
    "provider = \"dev\"\n",
    "networks = [\"10.0.0.0/8\"]\n",
    "= ",
    "\"",
    "[[",
    "]]",
    "\u{202e}",
    "\u{1b}[2J",
];

/// Checks that no key is skipped. An error must have a position and a bounded report that is safe
/// for a terminal.
pub fn far_toml(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    match read(text) {
        Ok(operator) => {
            operator.egress.iter().for_each(assert_plain);
            assert!(read(&format!("unknown = 1\n{text}")).is_err(), "an unknown key is skipped");
            if let Some(doubled) = doubled(text) {
                assert!(read(&doubled).is_err(), "a duplicate table is accepted");
            }
        }
        Err(refused) => assert_readable(&refused, text),
    }
}

fn doubled(text: &str) -> Option<String> {
    let table = text.lines().find(|line| line.starts_with("[providers.") && line.ends_with(']'))?;
    Some(format!("{text}\n{table}\n"))
}

pub(super) fn assert_plain(destination: &Destination) {
    assert_eq!(destination.as_str().parse::<Destination>().as_ref(), Ok(destination));
}

/// Asserts that the error is one line with a position in the text. The report must have no control
/// characters, and must not be much longer than the text.
pub(super) fn assert_readable(refused: &ParseFailure, text: &str) {
    let ParseFailure { line, report } = refused;
    let mut parts = line.splitn(4, ':').skip(1);
    let mut number = || parts.next().and_then(|part| part.parse::<usize>().ok());
    let (row, column) = (number(), number());
    let rows = text.matches('\n').count() + 1;
    assert!(row.is_some_and(|row| (1..=rows).contains(&row)) && column.is_some(), "{line:?}");
    let obeyed = |c: char| c != '\n' && c != '\t' && is_invisible(c);
    assert!(!line.contains(obeyed) && !line.contains('\n'), "{line:?}");
    assert!(!report.contains(|c: char| obeyed(c)), "{report:?}");
    assert!(report.len() <= 16 * text.len() + 4096, "{} bytes for {}", report.len(), text.len());
}
