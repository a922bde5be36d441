//! Opsgenie.

use super::{
    kind::{Delivery, Kind},
    texts::{TEXT, TITLE},
};
use crate::yaml::Yaml;

pub(super) const KIND: Kind = Kind {
    examples: &["opsgenie"],
    key: "opsgenie_configs",
    takes: |detail| detail.is_none(),
    check: |_, _| Ok(()),
    write,
};

fn write(out: &mut Yaml, to: &Delivery<'_>, _: Option<&str>) {
    out.entry("api_key_file", &to.secret("opsgenie-api-key"));
    out.bare("send_resolved", true);
    out.entry("message", TITLE);
    out.entry("description", TEXT);
    out.entry("priority", if to.is_page() { "P1" } else { "P3" });
    out.entry("entity", "{{ .CommonLabels.service }}");
    out.entry("tags", "slo,{{ .CommonLabels.severity }}");
}
