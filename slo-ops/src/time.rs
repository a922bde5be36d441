//! Times as records store them, and durations as people read them.

use slo_core::model::Timestamp;

/// A time as whole milliseconds since the Unix epoch.
pub(crate) mod millis {
    use serde::{Deserialize, Deserializer, Serializer};
    use slo_core::model::Timestamp;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it")]
    pub(crate) fn serialize<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(time.as_millis())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        i64::deserialize(deserializer).map(Timestamp::from_millis)
    }
}

/// An optional time as whole milliseconds since the Unix epoch.
pub(crate) mod optional_millis {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use slo_core::model::Timestamp;

    #[expect(clippy::ref_option, reason = "serde calls it")]
    pub(crate) fn serialize<S: Serializer>(
        time: &Option<Timestamp>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        time.map(Timestamp::as_millis).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        Ok(Option::<i64>::deserialize(deserializer)?.map(Timestamp::from_millis))
    }
}

/// A window as whole milliseconds.
pub(crate) mod window_millis {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use slo_core::model::Window;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it")]
    pub(crate) fn serialize<S: Serializer>(window: &Window, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(window.as_millis())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Window, D::Error> {
        Window::from_millis(u64::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// A time as text for reports, such as `2026-12-01T10:00:00Z`.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it")]
pub(crate) fn text<S: serde::Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}

/// A duration as text, in its two largest units, such as `1 h 5 min`.
///
/// It is `0 s` if `to` is earlier than `from`.
///
/// ```
/// use slo_core::model::Timestamp;
/// use slo_ops::time_between;
///
/// let at = Timestamp::from_seconds;
/// assert_eq!(time_between(at(0), at(3_900)), "1 h 5 min");
/// assert_eq!(time_between(at(0), at(42)), "42 s");
/// ```
#[must_use]
pub fn time_between(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.millis_since(from) / 1_000;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    let two = |one: u64, unit: &str, next: u64, next_unit: &str| match next {
        0 => format!("{one} {unit}"),
        _ => format!("{one} {unit} {next} {next_unit}"),
    };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => two(minutes, "min", seconds % 60, "s"),
        3_600..86_400 => two(hours, "h", minutes, "min"),
        _ => two(days, "d", hours, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_two_units() {
        let cases = [(60, "1 min"), (61, "1 min 1 s"), (3_600, "1 h"), (90_000, "1 d 1 h"), (172_800, "2 d")];
        for (seconds, text) in cases {
            assert_eq!(time_between(Timestamp::EPOCH, Timestamp::from_seconds(seconds)), text);
        }
        assert_eq!(time_between(Timestamp::from_seconds(9), Timestamp::EPOCH), "0 s");
    }
}
