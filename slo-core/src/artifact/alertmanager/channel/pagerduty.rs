//! `PagerDuty`.

use super::{
    texts::{DETAILS, TITLE},
    way::{Channel, Delivery, Kind},
};
use crate::yaml::Yaml;

pub(super) const KIND: Kind = Kind {
    example: "pagerduty",
    key: "pagerduty_configs",
    read: |detail| detail.is_none().then_some(Channel::PagerDuty),
};

pub(super) fn write(out: &mut Yaml, to: &Delivery<'_>) {
    out.entry("routing_key_file", &to.secret("pagerduty-routing-key"));
    out.bare("send_resolved", true);
    out.entry("description", TITLE);
    out.entry("severity", if to.is_page() { "critical" } else { "warning" });
    out.entry("component", "{{ .CommonLabels.service }}");
    out.entry("group", "{{ .CommonLabels.team }}");
    out.entry("class", "slo");
    out.bare("details", DETAILS);
}
