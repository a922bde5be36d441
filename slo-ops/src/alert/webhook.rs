//! The body of Alertmanager's and Grafana's webhooks.

use super::{Alert, Delivery, LabelSet, Source, Status, problem};
use serde::{Deserialize, Deserializer};
use slo_core::{Error, model::Timestamp};

/// The body, `version: "4"`; Grafana's says `version: "1"` and has more fields.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    version: String,
    group_key: String,
    alerts: Vec<Entry>,
    #[serde(default)]
    truncated_alerts: u64,
    #[serde(default, rename = "externalURL")]
    external_url: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    status: Status,
    #[serde(deserialize_with = "nullable")]
    labels: LabelSet,
    #[serde(default, deserialize_with = "nullable")]
    annotations: LabelSet,
    starts_at: String,
    #[serde(default)]
    ends_at: Option<String>,
    #[serde(default, rename = "generatorURL")]
    generator_url: Option<String>,
}

/// Labels, where `null` stands for none.
fn nullable<'de, D: Deserializer<'de>>(deserializer: D) -> Result<LabelSet, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// An end that is open: Go's zero time.
const OPEN_END: &str = "0001-01-01T00:00:00Z";

impl Delivery {
    /// Reads the body of a webhook of Alertmanager, Grafana or Dynatrace.
    ///
    /// The body is Alertmanager's `version: "4"`, Grafana's of the same shape, or a problem of Dynatrace. Unknown fields are ignored,
    /// since senders add new ones.
    ///
    /// # Errors
    /// A body of another shape; the error names the field.
    pub fn parse(source: Source, body: &[u8]) -> Result<Self, Error> {
        if source == Source::Dynatrace { problem::parse(body) } else { parse(source, body) }
    }
}

fn parse(source: Source, body: &[u8]) -> Result<Delivery, Error> {
    let body: Body = serde_json::from_slice(body).map_err(|error| {
        Error::new(format!("not a webhook of {source}: {error}")).with_hint(
            "send it from a `webhook_configs` receiver of Alertmanager or a webhook contact point of Grafana",
        )
    })?;
    let known = match source {
        Source::Alertmanager => ["4"].as_slice(),
        Source::Grafana | Source::Dynatrace => &["1", "4"],
    };
    if !known.contains(&body.version.as_str()) {
        return Err(Error::new(format!("version `{}` of the webhook is not supported", body.version))
            .with_hint(format!("{source} sends version `{}`", known.join("` or `"))));
    }
    if body.group_key.is_empty() {
        return Err(Error::new("groupKey: the key of the group is empty"));
    }
    let alerts =
        body.alerts.into_iter().enumerate().map(|(index, entry)| {
            alert(entry).map_err(|error| Error::new(format!("alerts[{index}].{error}")))
        });
    let alerts: Vec<Alert> = alerts.collect::<Result<_, _>>()?;
    if alerts.is_empty() {
        return Err(Error::new("alerts: the group has no alerts"));
    }
    Ok(Delivery {
        source,
        group_key: body.group_key,
        alerts,
        truncated: body.truncated_alerts,
        external_url: body.external_url,
    })
}

fn alert(entry: Entry) -> Result<Alert, Error> {
    let time = |name: &str, text: &str| {
        text.parse::<Timestamp>().map_err(|error| Error::new(format!("{name}: {error}")))
    };
    let ends = match entry.ends_at.as_deref() {
        None | Some("" | OPEN_END) => None,
        // While an alert is firing, this is when it expires without further news.
        Some(_) if entry.status == Status::Firing => None,
        Some(text) => Some(time("endsAt", text)?),
    };
    Ok(Alert {
        status: entry.status,
        labels: entry.labels,
        annotations: entry.annotations,
        starts: time("startsAt", &entry.starts_at)?,
        ends,
        generator_url: entry.generator_url.filter(|url| !url.is_empty()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(version: &str, alerts: &str) -> String {
        format!(r#"{{"version": "{version}", "groupKey": "k", "status": "firing", "alerts": [{alerts}]}}"#)
    }

    const ALERT: &str = r#"{"status": "firing", "labels": {"a": "b"}, "startsAt": "2026-11-23T06:27:20Z"}"#;

    fn refusal(text: &str) -> String {
        Delivery::parse(Source::Alertmanager, text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn refuses_what_is_no_webhook() {
        assert!(refusal("").starts_with("not a webhook of Alertmanager"));
        assert!(refusal("{}").contains("missing field"));
        assert_eq!(refusal(&body("3", ALERT)), "version `3` of the webhook is not supported");
        assert_eq!(refusal(&body("4", "")), "alerts: the group has no alerts");
        let wrong = ALERT.replace("2026-11-23T06:27:20Z", "yesterday");
        assert_eq!(refusal(&body("4", &wrong)), "alerts[0].startsAt: `yesterday` is not a time");
        assert!(refusal(&"[".repeat(100_000)).starts_with("not a webhook"));
    }

    #[test]
    fn grafana_says_another_version() {
        assert!(Delivery::parse(Source::Grafana, body("1", ALERT).as_bytes()).is_ok());
        assert!(Delivery::parse(Source::Alertmanager, body("1", ALERT).as_bytes()).is_err());
    }

    #[test]
    fn annotations_and_ends_are_no_part_of_the_identity() {
        let id =
            |alert: &str| Delivery::parse(Source::Alertmanager, body("4", alert).as_bytes()).unwrap().id();
        let told = ALERT.replace("\"labels\"", r#""annotations": {"value": "1"}, "labels""#);
        assert_eq!(id(ALERT), id(&told));
        assert_eq!(
            id(ALERT),
            id(&ALERT.replace("\"labels\"", r#""endsAt": "2026-11-23T07:00:00Z", "labels""#))
        );
        assert_ne!(id(ALERT), id(&ALERT.replace("firing", "resolved")));
        assert_ne!(id(ALERT), id(&ALERT.replace(":20Z", ":21Z")));
        let (other, both) =
            (ALERT.replace("\"b\"", "\"c\""), |one: &str, two: &str| id(&format!("{one}, {two}")));
        assert_eq!(both(ALERT, &other), both(&other, ALERT));
    }
}
