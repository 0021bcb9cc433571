//! The colors and drawings that a terminal can show.
//!
//! No crate decides exactly this. `supports-color` gives colors to a file if `FORCE_COLOR` is set,
//! and takes `NO_COLOR=0` as unset; `supports-unicode` takes an empty `LC_ALL` as a locale;
//! `anstyle-query` knows no locale. All of them read the environment themselves.

use std::ffi::OsString;

/// The style of output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Style {
    /// Escape sequences for colors.
    pub(super) color: bool,
    /// Drawings of Unicode characters.
    pub(super) unicode: bool,
}

impl Style {
    /// Selects the style for a terminal or another output, by environment variables.
    pub(super) fn of(is_terminal: bool, variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let is_capable = variable("TERM").is_some_and(|term| !term.is_empty() && term != "dumb");
        if !is_terminal || !is_capable {
            return Self::default();
        }
        // https://no-color.org and https://bixense.com/clicolors.
        let is_refused = variable("NO_COLOR").is_some_and(|value| !value.is_empty())
            || variable("CLICOLOR").is_some_and(|value| value == "0");
        Self { color: !is_refused, unicode: is_utf8(variable) }
    }
}

/// Returns true if the locale for characters is UTF-8 (POSIX.1-2024, Base Definitions, 8.2: the
/// first of these variables that is set and not empty).
fn is_utf8(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let mut names = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter();
    let locale = names.find_map(|name| variable(name).filter(|value| !value.is_empty()));
    let Some(locale) = locale.and_then(|locale| locale.into_string().ok()) else { return false };
    // language_TERRITORY.codeset@modifier
    let codeset = locale.split('@').next().and_then(|locale| locale.split_once('.')).map(|(_, codeset)| codeset);
    codeset.is_some_and(|codeset| codeset.eq_ignore_ascii_case("UTF-8") || codeset.eq_ignore_ascii_case("UTF8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Style = Style { color: true, unicode: true };
    const PLAIN: Style = Style { color: false, unicode: false };
    const UNCOLORED: Style = Style { color: false, unicode: true };
    const ASCII: Style = Style { color: true, unicode: false };

    /// Returns the style of a capable UTF-8 terminal with these variables changed.
    fn style(changes: &[(&str, &str)]) -> Style {
        let usual = [("TERM", "xterm-256color"), ("LANG", "en_US.UTF-8")];
        Style::of(true, |name| {
            let changed = changes.iter().chain(&usual).find(|(changed, _)| *changed == name);
            changed.map(|(_, value)| value.into())
        })
    }

    #[test]
    fn capable_terminal_shows_everything() {
        assert_eq!(style(&[]), ALL);
    }

    #[test]
    fn file_shows_nothing() {
        let style = Style::of(false, |name| match name {
            "TERM" => Some("xterm".into()),
            "LANG" => Some("C.UTF-8".into()),
            "FORCE_COLOR" | "CLICOLOR" | "CLICOLOR_FORCE" => Some("1".into()),
            _ => None,
        });
        assert_eq!(style, PLAIN);
    }

    #[test]
    fn dumb_terminal_shows_nothing() {
        assert_eq!(style(&[("TERM", "dumb")]), PLAIN);
    }

    #[test]
    fn unknown_terminal_shows_nothing() {
        assert_eq!(style(&[("TERM", "")]), PLAIN);
        assert_eq!(Style::of(true, |name| (name == "LANG").then(|| "C.UTF-8".into())), PLAIN);
    }

    #[test]
    fn no_color_turns_colors_off() {
        assert_eq!(style(&[("NO_COLOR", "1")]), UNCOLORED);
        assert_eq!(style(&[("NO_COLOR", "0")]), UNCOLORED);
        assert_eq!(style(&[("NO_COLOR", "")]), ALL, "an empty value counts as unset");
    }

    #[test]
    fn clicolor_zero_turns_colors_off() {
        assert_eq!(style(&[("CLICOLOR", "0")]), UNCOLORED);
        for value in ["1", ""] {
            assert_eq!(style(&[("CLICOLOR", value)]), ALL, "{value:?}");
        }
    }

    #[test]
    fn locale_decides_drawings() {
        for locale in ["C", "POSIX", "en_US", "de_DE.ISO-8859-1", "de_DE@euro", "UTF-8", "C.UTF-16"] {
            assert_eq!(style(&[("LANG", locale)]), ASCII, "{locale}");
        }
        for locale in ["C.UTF-8", "en_US.utf8", "ca_ES.UTF-8@valencia"] {
            assert_eq!(style(&[("LANG", locale)]), ALL, "{locale}");
        }
        assert_eq!(Style::of(true, |name| (name == "TERM").then(|| "xterm".into())), ASCII, "no locale");
    }

    #[test]
    fn first_set_locale_variable_counts() {
        assert_eq!(style(&[("LC_CTYPE", "C")]), ASCII, "precedes LANG");
        assert_eq!(style(&[("LC_ALL", "C"), ("LC_CTYPE", "C.UTF-8")]), ASCII, "precedes LC_CTYPE");
        assert_eq!(style(&[("LC_ALL", "C.UTF-8"), ("LC_CTYPE", "C"), ("LANG", "C")]), ALL);
        assert_eq!(style(&[("LC_ALL", ""), ("LC_CTYPE", "")]), ALL, "an empty value counts as unset");
    }
}
