//! Which server answers: its version, and whether it is too old.

use serde::Deserialize;

/// The answer to `/api/v1/status/buildinfo`.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct BuildInfo {
    #[serde(default)]
    data: Data,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Data {
    #[serde(default)]
    version: String,
    /// Other servers name themselves here.
    #[serde(default)]
    application: String,
    #[serde(default, rename = "goVersion")]
    go_version: String,
}

/// The oldest Prometheus that the rules are tested with.
const OLDEST: (u32, u32) = (2, 42);

impl BuildInfo {
    /// A warning, if it is a Prometheus that is too old.
    ///
    /// VictoriaMetrics gives a version of Prometheus and nothing else, and Thanos a version below 1: neither is judged.
    pub(super) fn warning(&self) -> Option<String> {
        let Data { version, application, go_version } = &self.data;
        if !application.is_empty() || go_version.is_empty() {
            return None;
        }
        let mut parts = version.trim_start_matches('v').split('.').map(|part| part.parse::<u32>().ok());
        let found = (parts.next()??, parts.next()??);
        let (major, minor) = OLDEST;
        (found.0 >= 1 && found < OLDEST).then(|| {
            format!(
                "Prometheus is version {}, older than {major}.{minor}: its numbers and alerts may be wrong",
                slo_core::plain(version)
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_old_prometheus_is_warned_of() {
        for (json, is_old) in [
            (r#"{"data": {"version": "2.19.3", "goVersion": "go1.14"}}"#, true),
            (r#"{"data": {"version": "2.42.0", "goVersion": "go1.19"}}"#, false),
            (r#"{"data": {"version": "3.16.0", "goVersion": "go1.26"}}"#, false),
            (r#"{"data": {"version": "2.24.0"}}"#, false),
            (r#"{"data": {"version": "0.37.2", "goVersion": "go1.22"}}"#, false),
            (
                r#"{"data": {"version": "2.10.4", "application": "Grafana Mimir", "goVersion": "go1.21"}}"#,
                false,
            ),
            (r"{}", false),
        ] {
            let info: BuildInfo = serde_json::from_str(json).unwrap();
            assert_eq!(info.warning().is_some(), is_old, "{json}");
        }
    }
}
