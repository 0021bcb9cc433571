//! Formatting of durations.

use std::time::Duration;

/// Formats a duration as in configurations, in the largest unit without a remainder.
pub(crate) fn duration(time: Duration) -> String {
    let (seconds, rest) = (time.as_secs(), time.subsec_millis());
    match seconds {
        _ if rest != 0 => format!("{}ms", time.as_millis()),
        seconds if seconds % 86_400 == 0 => format!("{}d", seconds / 86_400),
        seconds if seconds % 3_600 == 0 => format!("{}h", seconds / 3_600),
        seconds if seconds % 60 == 0 => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}

/// Formats a duration rounded down to its largest unit.
pub(crate) fn about(time: Duration) -> String {
    let seconds = time.as_secs();
    let units = [(86_400, "d"), (3_600, "h"), (60, "m")];
    let unit = units.into_iter().find(|(unit, _)| seconds >= *unit);
    let (unit, name) = unit.unwrap_or((1, "s"));
    format!("{}{name}", seconds / unit)
}

/// Converts a duration to milliseconds.
pub(crate) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duration_uses_largest_exact_unit() {
        let format = |ms| duration(Duration::from_millis(ms));
        assert_eq!([format(1_500), format(90_000), format(900_000)], ["1500ms", "90s", "15m"]);
        assert_eq!([format(3_600_000), format(172_800_000)], ["1h", "2d"]);
    }

    #[test]
    fn duration_is_rounded_to_largest_unit() {
        let format = |seconds| about(Duration::from_secs(seconds));
        assert_eq!([format(0), format(59), format(60), format(3_599)], ["0s", "59s", "1m", "59m"]);
        assert_eq!([format(3_600), format(86_399), format(200_000)], ["1h", "23h", "2d"]);
        assert_eq!(about(Duration::from_millis(1_999)), "1s");
    }
}
