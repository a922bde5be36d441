//! A parser for Prometheus responses, as a stream: each number is passed on and not kept.

use crate::values::Labels;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use std::{borrow::Cow, fmt};

/// A receiver for the points of an answer.
pub(crate) trait Points {
    /// Begins a series with these labels; the points after it belong to it.
    fn series(&mut self, labels: Labels);

    /// Receives a point: a time in seconds since the Unix epoch, and a value.
    fn point(&mut self, time: f64, value: f64);
}

/// The parts of an answer other than its points.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) status: String,
    pub(crate) error: Option<String>,
    pub(crate) warnings: Vec<String>,
    pub(crate) has_data: bool,
}

/// The message for an answer with too many series.
pub(crate) const TOO_MANY: &str = "more series than may be read";

/// Reads an answer.
pub(crate) struct Reader<'a> {
    pub(crate) most_series: usize,
    pub(crate) points: &'a mut dyn Points,
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Told;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Told, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Told;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a Prometheus response")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Told, A::Error> {
        let mut told = Told::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "status" => told.status = map.next_value()?,
                "error" => told.error = map.next_value()?,
                "warnings" => told.warnings = map.next_value::<Option<_>>()?.unwrap_or_default(),
                "data" => told.has_data |= map.next_value_seed(Data(&mut self))?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(told)
    }
}

/// `{"resultType": …, "result": […]}`; whether it has a result.
struct Data<'a, 'b>(&'a mut Reader<'b>);

impl<'de> DeserializeSeed<'de> for Data<'_, '_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Data<'_, '_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the data of a query")
    }

    // Errors have `null` for data.
    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut found = false;
        while let Some(key) = map.next_key::<String>()? {
            if key == "result" {
                map.next_value_seed(AllSeries(&mut *self.0))?;
                found = true;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

struct AllSeries<'a, 'b>(&'a mut Reader<'b>);

impl<'de> DeserializeSeed<'de> for AllSeries<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for AllSeries<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of series")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut series: A) -> Result<(), A::Error> {
        let mut count = 0;
        while series.next_element_seed(OneSeries(&mut *self.0.points))?.is_some() {
            count += 1;
            if count > self.0.most_series {
                return Err(A::Error::custom(TOO_MANY));
            }
        }
        Ok(())
    }
}

/// `{"metric": {…}, "value": […]}` or `{"metric": {…}, "values": [[…], …]}`
struct OneSeries<'a>(&'a mut dyn Points);

impl<'de> DeserializeSeed<'de> for OneSeries<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for OneSeries<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a series")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut has_labels = false;
        // Points that came before their labels.
        let mut early: Vec<Moment> = Vec::new();
        while let Some(key) = map.next_key::<Cow<'_, str>>()? {
            match (key.as_ref(), has_labels) {
                ("metric", false) => {
                    self.0.series(map.next_value()?);
                    has_labels = true;
                    for Moment(time, value) in early.drain(..) {
                        self.0.point(time, value);
                    }
                }
                ("value", true) => {
                    let Moment(time, value) = map.next_value()?;
                    self.0.point(time, value);
                }
                ("values", true) => map.next_value_seed(AllPoints(&mut *self.0))?,
                ("value", false) => early.push(map.next_value()?),
                ("values", false) => early.extend(map.next_value::<Vec<Moment>>()?),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        if has_labels { Ok(()) } else { Err(A::Error::missing_field("metric")) }
    }
}

/// `[[…], …]`
struct AllPoints<'a>(&'a mut dyn Points);

impl<'de> DeserializeSeed<'de> for AllPoints<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for AllPoints<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of points")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut points: A) -> Result<(), A::Error> {
        while let Some(Moment(time, value)) = points.next_element()? {
            self.0.point(time, value);
        }
        Ok(())
    }
}

/// `[1790000000.5, "0.25"]`
#[derive(Deserialize)]
struct Moment(f64, #[serde(deserialize_with = "number")] f64);

/// A number as text.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    struct Text;
    impl Visitor<'_> for Text {
        type Value = f64;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a number as text")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<f64, E> {
            text.parse().map_err(|_| E::custom("not a number"))
        }
    }
    deserializer.deserialize_str(Text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Kept {
        labels: Labels,
        points: Vec<(Labels, f64, f64)>,
    }

    impl Points for Kept {
        fn series(&mut self, labels: Labels) {
            self.labels = labels;
        }

        fn point(&mut self, time: f64, value: f64) {
            self.points.push((self.labels.clone(), time, value));
        }
    }

    type Read = Vec<(Labels, f64, f64)>;

    fn read(text: &str) -> serde_json::Result<(Told, Read)> {
        let mut kept = Kept::default();
        let reader = Reader { most_series: 2, points: &mut kept };
        let told = reader.deserialize(&mut serde_json::Deserializer::from_str(text))?;
        Ok((told, kept.points))
    }

    #[test]
    fn reads_answers_in_any_order() {
        let a = Labels::from([("a".to_owned(), "é".to_owned())]);
        for text in [
            r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"é"},"value":[1.5,"+Inf"]}]}}"#,
            r#"{"data":{"result":[{"values":[[1.5,"Inf"]],"metric":{"a":"\u00e9"}}],"stats":{}},"status":"success"}"#,
        ] {
            let (told, points) = read(text).unwrap();
            assert_eq!((told.status.as_str(), told.has_data), ("success", true));
            assert_eq!(points, [(a.clone(), 1.5, f64::INFINITY)]);
        }
        let (told, points) =
            read(r#"{"status":"error","error":"boom","data":null,"warnings":["w"]}"#).unwrap();
        assert_eq!((told.error.as_deref(), told.warnings.len(), points.len()), (Some("boom"), 1, 0));
    }

    #[test]
    fn refuses_what_is_no_answer() {
        let series = r#"{"metric":{},"value":[1,"1"]}"#;
        for text in [
            "[]",
            "{",
            r#"{"data":{"result":[{"value":[1,"x"],"metric":{}}]}}"#,
            r#"{"data":{"result":[{"value":[1,"1"]}]}}"#,
            r#"{"data":{"result":[{"metric":{},"values":[[1]]}]}}"#,
            &format!(r#"{{"data":{{"result":[{series},{series},{series}]}}}}"#),
            &format!(r#"{{"status":{}"#, "[".repeat(100_000)),
        ] {
            assert!(read(text).is_err(), "{text:.80}");
        }
    }
}
