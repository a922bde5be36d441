//! The alerts on an SLO's page.

use super::{
    super::{
        dashboard::INCIDENT,
        links::path_to,
        panel::{BLUE, Panel, RED},
        queries::{firing, labels, since},
    },
    Page,
};
use crate::promql::Expr;
use serde_json::{Value, json};

impl Page<'_> {
    fn firing(&self) -> Expr {
        firing(&self.shown)
    }

    pub(super) fn alert_table(&self) -> Panel {
        let labels = [&labels(["alertname", "burn_tier", "severity"])[..], self.slo.by()].concat();
        Panel::table("Firing alerts", "Each firing alert, and how long it has been active.", "dtdurations")
            .rows(&Expr::time().sub(since(&self.shown).min_by(&labels)))
            .transformed("merge", &json!({}))
            .transformed(
                "organize",
                &json!({
                    "excludeByName": {"Time": true},
                    "renameByName": {"alertname": "Alert", "burn_tier": "Tier", "severity": "Severity", "Value": "Active for", "Value #A": "Active for"},
                }),
            )
            .with("noValue", json!("no alert is firing"))
            .linked("Incident", &path_to(INCIDENT))
    }

    pub(super) fn alerts(&self) -> Panel {
        Panel::alerts("When alerts fired", "By tier and severity.")
            .over_time(
                &self.firing().max_by(&labels(["burn_tier", "severity"])),
                "{{burn_tier}} ({{severity}})",
            )
            .linked("Incident", &path_to(INCIDENT))
    }

    /// Marks for alerts, and for deploys: Grafana annotations with the tags `deploy` and the service's name.
    pub(super) fn annotations(&self) -> Vec<Value> {
        vec![
            json!({
                "name": "Alerts",
                "enable": true,
                "hide": false,
                "iconColor": RED,
                "datasource": {"type": "prometheus", "uid": "${datasource}"},
                "expr": self.firing().to_string(),
                "titleFormat": "{{alertname}} {{burn_tier}}",
                "textFormat": "{{severity}}",
            }),
            json!({
                "name": "Deploys",
                "enable": true,
                "hide": false,
                "iconColor": BLUE,
                "datasource": {"type": "grafana", "uid": "-- Grafana --"},
                "target": {"type": "tags", "tags": ["deploy", self.service.name().as_str()], "matchAny": false, "limit": 100},
            }),
        ]
    }
}
