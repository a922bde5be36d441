//! `PagerDuty`.

use super::{
    kind::{Delivery, Kind},
    texts::{DETAILS, TITLE},
};
use crate::yaml::Yaml;

pub(super) const KIND: Kind = Kind {
    examples: &["pagerduty"],
    key: "pagerduty_configs",
    takes: |detail| detail.is_none(),
    check: |_, _| Ok(()),
    write,
};

fn write(out: &mut Yaml, to: &Delivery<'_>, _: Option<&str>) {
    out.entry("routing_key_file", &to.secret("pagerduty-routing-key"));
    out.bare("send_resolved", true);
    out.entry("description", TITLE);
    out.entry("severity", if to.is_page() { "critical" } else { "warning" });
    out.entry("component", "{{ .CommonLabels.service }}");
    out.entry("group", "{{ .CommonLabels.team }}");
    out.entry("class", "slo");
    out.bare("details", DETAILS);
}
