//! The stale period (stale-if-error) and the rotation of secrets.

use std::convert::Infallible;
use std::time::Duration;

use far_core::capability::Rotation;

use crate::config::key::{Form, Key, Keys, REQUIRED};
use crate::config::reader::{Table, Value};
use crate::config::units::{self, Max};
use crate::messages::config::ConfigError;

pub(super) const ROTATE: Keys = Keys::new(&[
    Key::new("every", Form::Duration(MAX_EVERY.text), REQUIRED, "The maximum age of a version, at least 1m."),
    Key::new(
        "overlap",
        Form::Duration("`every`"),
        "10m, or `every` if shorter",
        "The grace period of the previous version.",
    ),
]);

/// The maximum stale period. A longer one should be a longer TTL.
pub(super) const MAX_STALE: Max<Duration> = Max { value: Duration::from_secs(24 * 60 * 60), text: "24h" };
/// The maximum age of a version.
const MAX_EVERY: Max<Duration> = Max { value: Duration::from_secs(365 * 24 * 60 * 60), text: "365d" };
/// The minimum interval between versions: each is a write to the backend.
const MIN_EVERY: Duration = Duration::from_secs(60);

const STALE: &str = "use a duration of at most 24h, such as \"5m\", or omit 'stale' to never use stale values";
const EVERY: &str = "use a duration from 1m to 365d, such as \"24h\"";
const OVERLAP: &str =
    "use a duration of at most 'every', or omit 'overlap' for the default: 10m, or 'every' if shorter";

/// Takes the stale period; default: zero.
pub(super) fn stale(table: &mut Table<'_>) -> Result<Duration, ConfigError> {
    table.take("stale").map_or(Ok(Duration::ZERO), |value| duration(&value, &MAX_STALE, STALE))
}

/// Takes the rotation, if set.
pub(super) fn rotation(table: &mut Table<'_>) -> Result<Option<Rotation>, ConfigError> {
    let Some(value) = table.take("rotate") else { return Ok(None) };
    let mut table = value.table_of(&ROTATE)?;
    let value = table.require("every")?;
    let every = duration(&value, &MAX_EVERY, EVERY)?;
    if every < MIN_EVERY {
        return Err(value.invalid("must be at least 1m", Some(EVERY.to_owned())));
    }
    let Some(value) = table.take("overlap") else {
        return Ok(Some(Rotation { every, overlap: every.min(Rotation::DEFAULT_OVERLAP) }));
    };
    let overlap = duration(&value, &MAX_EVERY, OVERLAP)?;
    if overlap > every {
        // A third version would exist before the first expires.
        return Err(value.invalid("must not be longer than 'every'", Some(OVERLAP.to_owned())));
    }
    Ok(Some(Rotation { every, overlap }))
}

fn duration(value: &Value<'_>, most: &Max<Duration>, help: &str) -> Result<Duration, ConfigError> {
    let text = value.read(|text| Ok::<_, Infallible>(text.to_owned()))?;
    units::duration(&text, most).map_err(|error| value.invalid(error, Some(help.to_owned())))
}

#[cfg(test)]
mod tests {
    use far_core::SecretName;

    use super::super::tests::{parse, refused};
    use super::*;

    /// Returns a file with these lines in the table of a secret.
    fn with(lines: &str) -> String {
        format!(
            "[providers.dev]\ntype = \"dotenv\"\npath = \".env\"\n[secrets.token]\nprovider = \"dev\"\noperations = [\"sign\"]\n{lines}\n"
        )
    }

    fn read(lines: &str) -> (Duration, Option<(u64, u64)>) {
        let far = parse(&with(lines)).unwrap();
        let entry = far.catalog.get(&SecretName::parse("token").unwrap()).unwrap();
        let rotation = entry.rotation.map(|rotation| (rotation.every.as_secs(), rotation.overlap.as_secs()));
        (entry.stale, rotation)
    }

    #[test]
    fn stale_and_rotation_are_read() {
        assert_eq!(read(""), (Duration::ZERO, None));
        assert_eq!(read("stale = \"5m\"").0, Duration::from_secs(300));
        assert_eq!(read("stale = \"24h\"").0, Duration::from_secs(86_400));
        let rotation = |lines: &str| read(lines).1.unwrap();
        assert_eq!(rotation("rotate = { every = \"24h\", overlap = \"20m\" }"), (86_400, 1_200));
        assert_eq!(rotation("rotate = { every = \"1h\", overlap = \"1h\" }"), (3_600, 3_600));
        assert_eq!(rotation("[secrets.token.rotate]\nevery = \"365d\""), (31_536_000, 600));
        assert_eq!(rotation("rotate.every = \"1m\""), (60, 60), "the overlap is at most the interval");
    }

    #[test]
    fn invalid_stale_and_rotation_are_refused() {
        let cases = [
            ("stale = \"0s\"", "7:9: 'secrets.token.stale': must be greater than zero", STALE),
            ("stale = \"25h\"", "7:9: 'secrets.token.stale': must be at most 24h", STALE),
            (
                "stale = \"5 minutes\"",
                "7:9: 'secrets.token.stale': a duration is an integer and a unit (ms, s, m, h, d), such as 15m",
                STALE,
            ),
            ("stale = 5", "7:9: 'secrets.token.stale' is an integer, expected a string", "put the value in quotes"),
            (
                "rotate = \"24h\"",
                "7:10: 'secrets.token.rotate' is a string, expected a table",
                "write a table of keys and values",
            ),
            ("rotate = {}", "7:10: 'secrets.token.rotate.every' is missing", "add 'every'"),
            ("rotate = { evry = \"24h\" }", "7:12: unknown key 'secrets.token.rotate.evry'", "did you mean 'every'?"),
            ("rotate = { every = \"59s\" }", "7:20: 'secrets.token.rotate.every': must be at least 1m", EVERY),
            ("rotate = { every = \"366d\" }", "7:20: 'secrets.token.rotate.every': must be at most 365d", EVERY),
            ("rotate = { every = \"0d\" }", "7:20: 'secrets.token.rotate.every': must be greater than zero", EVERY),
            (
                "rotate = { every = \"5m\", overlap = \"301s\" }",
                "7:36: 'secrets.token.rotate.overlap': must not be longer than 'every'",
                OVERLAP,
            ),
            (
                "rotate = { every = \"5m\", overlap = \"0s\" }",
                "7:36: 'secrets.token.rotate.overlap': must be greater than zero",
                OVERLAP,
            ),
        ];
        for (lines, problem, help) in cases {
            assert_eq!(refused(&with(lines)), format!("{problem}\nhelp: {help}"), "{lines}");
        }
    }
}
