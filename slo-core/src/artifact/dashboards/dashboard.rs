//! The parts that all dashboards share.

use super::{links::TAG, panel::Layout};
use crate::model::{Service, Slo};
use serde_json::{Value, json};

/// A Grafana dashboard, for import or provisioning.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Dashboard {
    /// Its file name, such as `checkout-availability.json`.
    pub file: String,
    /// Its identity in links; it is always the same for the same SLO.
    pub uid: String,
    /// The JSON.
    pub json: Value,
}

/// The schema version of the dashboards: that of Grafana 12 and 13, which newer versions migrate.
pub(super) const SCHEMA_VERSION: u32 = 42;
pub(super) const OVERVIEW: &str = "slo-overview";
pub(super) const INCIDENT: &str = "slo-incident";
/// The time zone of the viewer.
pub(super) const BROWSER: &str = "browser";

/// The identity of an SLO's page: 40 characters at most, as Grafana requires.
pub(super) fn uid(service: &Service, slo: &Slo) -> String {
    let name = format!("{}/{}", service.name(), slo.name());
    // FNV-1a, so that it is the same everywhere and for ever.
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("slo-{hash:016x}")
}

/// The properties of a dashboard.
pub(super) struct About<'a> {
    pub(super) uid: String,
    pub(super) file: String,
    pub(super) title: String,
    pub(super) words: String,
    pub(super) from: String,
    pub(super) refresh: &'a str,
    pub(super) zone: &'a str,
    pub(super) variables: Vec<Value>,
    pub(super) annotations: Vec<Value>,
    pub(super) links: Vec<Value>,
}

pub(super) fn finish(about: About<'_>, layout: Layout) -> Dashboard {
    let json = json!({
        "uid": about.uid,
        "title": about.title,
        "description": about.words,
        "tags": [TAG],
        "schemaVersion": SCHEMA_VERSION,
        "editable": true,
        "graphTooltip": 1,
        "time": {"from": about.from, "to": "now"},
        "refresh": about.refresh,
        "timezone": about.zone,
        "weekStart": "monday",
        "templating": {"list": about.variables},
        "annotations": {"list": about.annotations},
        "links": about.links,
        "panels": layout.panels(),
    });
    Dashboard { file: about.file, uid: about.uid, json }
}

/// The variable of the data source.
pub(super) fn datasource() -> Value {
    json!({
        "name": "datasource",
        "label": "Prometheus",
        "type": "datasource",
        "query": "prometheus",
        "hide": 0,
        "regex": "",
        "options": [],
        "refresh": 1,
        "multi": false,
        "includeAll": false,
    })
}

/// A variable of the values of a label.
pub(super) fn label_variable(name: &str, label: &str, query: &str) -> Value {
    json!({
        "name": name,
        "label": label,
        "type": "query",
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "query": query,
        "current": {"selected": true, "text": ["All"], "value": ["$__all"]},
        "allValue": ".*",
        "hide": 0,
        "regex": "",
        "options": [],
        "refresh": 2,
        "sort": 1,
        "multi": true,
        "includeAll": true,
    })
}
