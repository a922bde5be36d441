//! Links between dashboards, and to pages.

use serde_json::{Value, json};

/// The tag of all dashboards.
pub(super) const TAG: &str = "slo";

/// The path of another dashboard, with the time and the data source that are shown.
pub(super) fn path_to(uid: &str) -> String {
    format!("/d/{uid}?${{__url_time_range}}&var-datasource=${{datasource}}")
}

/// A link to another dashboard.
pub(super) fn link(title: &str, uid: &str) -> Value {
    link_to(title, &path_to(uid))
}

/// A list of the dashboards of all SLOs to choose from.
pub(super) fn every_slo() -> Value {
    json!({
        "title": "SLOs",
        "type": "dashboards",
        "icon": "external link",
        "url": "",
        "tooltip": "",
        "tags": [TAG],
        "asDropdown": true,
        "includeVars": false,
        "keepTime": true,
        "targetBlank": false,
    })
}

/// A link to a page.
pub(super) fn link_to(title: &str, url: &str) -> Value {
    json!({
        "title": title,
        "type": "link",
        "icon": "external link",
        "url": url,
        "tooltip": "",
        "tags": [],
        "asDropdown": false,
        "includeVars": false,
        "keepTime": false,
        "targetBlank": url.starts_with("http"),
    })
}
