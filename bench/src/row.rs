//! A row of the table: a measurement, its floor and its target.

use std::fmt::{self, Display};

use serde_json::{Value, json};

use crate::rounds::Samples;

/// A measurement. All figures are nanoseconds for one operation.
pub(crate) struct Row {
    /// The number of the requirement.
    pub(crate) id: &'static str,
    pub(crate) name: String,
    pub(crate) ours: Samples,
    /// The name and the figures of the floor.
    pub(crate) floor: Option<(&'static str, Samples)>,
    pub(crate) target: Target,
}

/// The target of a row.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    /// At most this multiple of the floor.
    Ratio(f64),
    /// Below this number of nanoseconds.
    Below(f64),
    /// At most this number of nanoseconds more than the floor.
    Above(f64),
    /// No target: the ratio is reported, or the time if there is no floor.
    None,
}

impl Row {
    /// Returns the row as a JSON object of one line.
    pub(crate) fn json(&self) -> Value {
        let (min, max) = self.decisive().spread();
        json!({
            "id": self.id,
            "what": self.name,
            "expected": self.expected(),
            "seen": self.seen(),
            "ok": self.ok(),
            "ratio": self.ratios().map(|ratios| ratios.median()),
            "target": self.target.limit(),
            "unit": if self.is_time() { "ns" } else { "ratio" },
            "ours": self.ours.median(),
            "floor": self.floor.as_ref().map(|(_, floor)| floor.median()),
            "against": self.floor.as_ref().map(|(name, _)| name),
            "spread": [min, max],
            "rounds": self.ours.rounds(),
        })
    }

    /// Returns true if the median meets the target.
    fn ok(&self) -> bool {
        let median = self.decisive().median();
        match self.target {
            Target::Ratio(limit) | Target::Above(limit) => median <= limit,
            Target::Below(limit) => median < limit,
            Target::None => true,
        }
    }

    /// Returns the figures to compare with the target.
    fn decisive(&self) -> Samples {
        match (self.target, &self.floor) {
            (Target::Above(_), Some((_, floor))) => self.ours.excess_over(floor),
            (Target::Ratio(_) | Target::None, Some((_, floor))) => self.ours.ratio_to(floor),
            (_, _) => self.ours.clone(),
        }
    }

    /// Returns true if the decisive figures are nanoseconds.
    fn is_time(&self) -> bool {
        matches!(self.target, Target::Below(_) | Target::Above(_)) || self.floor.is_none()
    }

    fn ratios(&self) -> Option<Samples> {
        self.floor.as_ref().map(|(_, floor)| self.ours.ratio_to(floor))
    }

    fn expected(&self) -> String {
        let floor = self.floor.as_ref().map_or("", |(name, _)| name);
        match self.target {
            Target::Ratio(limit) => format!("≤ {limit} × {floor}"),
            Target::Below(limit) => format!("< {}", Time(limit)),
            Target::Above(limit) => format!("≤ {} over {floor}", Time(limit)),
            Target::None => "reported".to_owned(),
        }
    }

    fn seen(&self) -> String {
        let decisive = self.decisive();
        let (median, (min, max)) = (decisive.median(), decisive.spread());
        let seen = if self.is_time() {
            format!("{} ({} to {})", Time(median), Time(min), Time(max))
        } else {
            format!("{median:.2} × ({min:.2} to {max:.2})")
        };
        match &self.floor {
            Some((_, floor)) => format!("{seen}: {} to {}", Time(self.ours.median()), Time(floor.median())),
            None => seen,
        }
    }
}

impl Target {
    fn limit(self) -> Option<f64> {
        match self {
            Self::Ratio(limit) | Self::Below(limit) | Self::Above(limit) => Some(limit),
            Self::None => None,
        }
    }
}

/// A time in nanoseconds, shown with up to three digits in a suitable unit.
pub(crate) struct Time(pub(crate) f64);

impl Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(1e9, "s"), (1e6, "ms"), (1e3, "µs")];
        let unit = units.into_iter().find(|(size, _)| self.0.abs() >= *size);
        let (size, unit) = unit.unwrap_or((1.0, "ns"));
        let figure = self.0 / size;
        let decimals = if figure.abs() >= 100.0 || figure.fract() == 0.0 { 0 } else { 1 };
        write!(f, "{figure:.decimals$} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(target: Target, ours: [f64; 3], floor: Option<[f64; 3]>) -> Value {
        let samples = |figures: [f64; 3]| figures.into_iter().collect();
        let floor = floor.map(|figures| ("floor", samples(figures)));
        Row { id: "P0", name: "a test".to_owned(), ours: samples(ours), floor, target }.json()
    }

    #[test]
    fn median_ratio_is_compared_with_target() {
        let met = row(Target::Ratio(1.5), [150.0, 140.0, 900.0], Some([100.0, 100.0, 100.0]));
        assert_eq!(met["ok"], true);
        assert_eq!(met["expected"], "≤ 1.5 × floor");
        assert_eq!(met["seen"], "1.50 × (1.40 to 9.00): 150 ns to 100 ns");
        assert_eq!((&met["ratio"], &met["target"], &met["floor"]), (&json!(1.5), &json!(1.5), &json!(100.0)));
        let missed = row(Target::Ratio(1.5), [151.0, 100.0, 900.0], Some([100.0, 100.0, 100.0]));
        assert_eq!(missed["ok"], false);
    }

    #[test]
    fn time_is_compared_with_target() {
        assert_eq!(row(Target::Below(100.0), [99.0, 10.0, 500.0], None)["ok"], true);
        assert_eq!(row(Target::Below(100.0), [100.0, 10.0, 500.0], None)["ok"], false);
        let above = row(Target::Above(2e6), [3e6, 3e6, 3e6], Some([1e6, 0.5e6, 2e6]));
        assert_eq!((&above["ok"], &above["seen"]), (&json!(true), &json!("2 ms (1 ms to 2.5 ms): 3 ms to 1 ms")));
        assert_eq!(row(Target::Above(1.9e6), [3e6, 3e6, 3e6], Some([1e6, 0.5e6, 2e6]))["ok"], false);
    }

    #[test]
    fn row_without_target_is_met() {
        let reported = row(Target::None, [3e9, 3e9, 3e9], Some([1e9, 1e9, 1e9]));
        assert_eq!((&reported["ok"], &reported["expected"]), (&json!(true), &json!("reported")));
        assert_eq!(reported["seen"], "3.00 × (3.00 to 3.00): 3 s to 1 s");
        assert_eq!(row(Target::None, [3e9, 3e9, 3e9], None)["seen"], "3 s (3 s to 3 s)");
    }

    #[test]
    fn row_without_figures_is_missed() {
        let nothing: [Samples; 2] = [[], []].map(|none: [f64; 0]| none.into_iter().collect());
        let [ours, floor] = nothing;
        let row =
            Row { id: "P0", name: String::new(), ours, floor: Some(("floor", floor)), target: Target::Ratio(1.0) };
        assert!(!row.ok());
    }

    #[test]
    fn time_is_shown_in_suitable_unit() {
        let shown = [48.25, 1_310.0, 58_400.0, 2e6, 15.21e9, -1_500.0].map(|time| Time(time).to_string());
        assert_eq!(shown, ["48.2 ns", "1.3 µs", "58.4 µs", "2 ms", "15.2 s", "-1.5 µs"]);
    }
}
