//! Times as configurations have them.

use std::time::Duration;

/// A time as a configuration would have it: the largest unit without a remainder.
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

/// A time as people say it: whole numbers of the largest unit that there is one of.
pub(crate) fn about(time: Duration) -> String {
    let seconds = time.as_secs();
    let units = [(86_400, "d"), (3_600, "h"), (60, "m")];
    let unit = units.into_iter().find(|(unit, _)| seconds >= *unit);
    let (unit, name) = unit.unwrap_or((1, "s"));
    format!("{}{name}", seconds / unit)
}

/// A time in milliseconds, for programs.
pub(crate) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_as_it_would_be_written() {
        let told = |ms| duration(Duration::from_millis(ms));
        assert_eq!([told(1_500), told(90_000), told(900_000)], ["1500ms", "90s", "15m"]);
        assert_eq!([told(3_600_000), told(172_800_000)], ["1h", "2d"]);
    }

    #[test]
    fn a_time_that_passes_is_told_in_one_unit() {
        let told = |seconds| about(Duration::from_secs(seconds));
        assert_eq!([told(0), told(59), told(60), told(3_599)], ["0s", "59s", "1m", "59m"]);
        assert_eq!([told(3_600), told(86_399), told(200_000)], ["1h", "23h", "2d"]);
        assert_eq!(about(Duration::from_millis(1_999)), "1s");
    }
}
