//! Durations and sizes such as `15m` and `64MiB`, greater than zero and bounded.

use std::time::Duration;

/// An upper bound.
#[derive(Clone, Copy, Debug)]
pub(super) struct Max<T> {
    /// The value.
    pub(super) value: T,
    /// The value as text.
    pub(super) text: &'static str,
}

/// Reasons to refuse a duration, a size or a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum UnitError {
    /// The string is not a number with a unit of time.
    #[error("a duration is an integer and a unit (ms, s, m, h, d), such as 15m")]
    Duration,
    /// The string is not a number with a unit of size.
    #[error("a size is an integer and a unit (B, KiB, MiB), such as 64MiB")]
    Size,
    /// The value is zero or negative.
    #[error("must be greater than zero")]
    TooLittle,
    /// The value exceeds its bound.
    #[error("must be at most {0}")]
    TooMuch(&'static str),
}

/// Parses a duration such as `15m`.
pub(super) fn duration(text: &str, max: &Max<Duration>) -> Result<Duration, UnitError> {
    let (number, unit) = split(text).ok_or(UnitError::Duration)?;
    let millis: u64 = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60 * 1000,
        "h" => 60 * 60 * 1000,
        "d" => 24 * 60 * 60 * 1000,
        _ => return Err(UnitError::Duration),
    };
    bounded(scaled(number, millis, max)?, max, Duration::from_millis)
}

/// Parses a size such as `64MiB`, in bytes.
pub(super) fn size(text: &str, max: &Max<u64>) -> Result<u64, UnitError> {
    let (number, unit) = split(text).ok_or(UnitError::Size)?;
    let bytes = match unit {
        "" | "B" => 1,
        "KiB" => 1024,
        "MiB" => 1024 * 1024,
        _ => return Err(UnitError::Size),
    };
    bounded(scaled(number, bytes, max)?, max, |bytes| bytes)
}

/// Checks a number of bytes or of other units.
pub(super) fn count(number: i64, max: &Max<u64>) -> Result<u64, UnitError> {
    let number = u64::try_from(number).map_err(|_| UnitError::TooLittle)?;
    bounded(number, max, |number| number)
}

/// Splits a string into its leading digits and the rest.
fn split(text: &str) -> Option<(&str, &str)> {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    text.split_at_checked(end).filter(|(number, _)| !number.is_empty())
}

/// Returns the number in the smallest unit. A number beyond 64 bits exceeds every bound.
fn scaled<T>(number: &str, scale: u64, max: &Max<T>) -> Result<u64, UnitError> {
    let number: Option<u64> = number.parse().ok();
    number.and_then(|number| number.checked_mul(scale)).ok_or(UnitError::TooMuch(max.text))
}

fn bounded<T: PartialOrd>(number: u64, max: &Max<T>, of: impl Fn(u64) -> T) -> Result<T, UnitError> {
    let value = of(number);
    match number {
        0 => Err(UnitError::TooLittle),
        _ if value > max.value => Err(UnitError::TooMuch(max.text)),
        _ => Ok(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Max<Duration> = Max { value: Duration::from_secs(24 * 60 * 60), text: "1d" };
    const MEGA: Max<u64> = Max { value: 1024 * 1024, text: "1MiB" };

    #[test]
    fn duration_is_number_with_unit() {
        let cases =
            [("1ms", 1), ("250ms", 250), ("30s", 30_000), ("15m", 900_000), ("24h", 86_400_000), ("1d", 86_400_000)];
        for (text, millis) in cases {
            assert_eq!(duration(text, &DAY), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "15", "m", "15 m", " 15m", "15m ", "-1m", "+1m", "1.5m", "1h30m", "15M", "15min", "\u{0661}m"]
        {
            assert_eq!(duration(text, &DAY), Err(UnitError::Duration), "{text:?}");
        }
    }

    #[test]
    fn size_is_number_with_optional_unit() {
        for (text, bytes) in [("1", 1), ("512B", 512), ("64KiB", 65_536), ("1MiB", 1_048_576)] {
            assert_eq!(size(text, &MEGA), Ok(bytes), "{text}");
        }
        for text in ["", "KiB", "1 KiB", "1KB", "1kib", "1GiB", "-1", "1.5MiB", "0x10"] {
            assert_eq!(size(text, &MEGA), Err(UnitError::Size), "{text:?}");
        }
    }

    #[test]
    fn zero_and_excessive_values_are_refused() {
        for text in ["0ms", "0s", "000d"] {
            assert_eq!(duration(text, &DAY), Err(UnitError::TooLittle), "{text}");
        }
        for text in ["86400001ms", "25h", "2d", "213503982335d", "18446744073709551615d", "99999999999999999999s"] {
            assert_eq!(duration(text, &DAY), Err(UnitError::TooMuch("1d")), "{text}");
        }
        assert_eq!(size("0MiB", &MEGA), Err(UnitError::TooLittle));
        for text in ["1048577", "2MiB", "17592186044416MiB", "99999999999999999999"] {
            assert_eq!(size(text, &MEGA), Err(UnitError::TooMuch("1MiB")), "{text}");
        }
        assert_eq!(count(i64::MIN, &MEGA), Err(UnitError::TooLittle));
        assert_eq!(count(0, &MEGA), Err(UnitError::TooLittle));
        assert_eq!(count(1, &MEGA), Ok(1));
        assert_eq!(count(i64::MAX, &MEGA), Err(UnitError::TooMuch("1MiB")));
    }
}
