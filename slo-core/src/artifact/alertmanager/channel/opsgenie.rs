//! Opsgenie.

use super::{
    texts::{TEXT, TITLE},
    way::{Channel, Delivery, Kind},
};
use crate::yaml::Yaml;

pub(super) const KIND: Kind = Kind {
    example: "opsgenie",
    key: "opsgenie_configs",
    read: |detail| detail.is_none().then_some(Channel::Opsgenie),
};

pub(super) fn write(out: &mut Yaml, to: &Delivery<'_>) {
    out.entry("api_key_file", &to.secret("opsgenie-api-key"));
    out.bare("send_resolved", true);
    out.entry("message", TITLE);
    out.entry("description", TEXT);
    out.entry("priority", if to.is_page() { "P1" } else { "P3" });
    out.entry("entity", "{{ .CommonLabels.service }}");
    out.entry("tags", "slo,{{ .CommonLabels.severity }}");
}
