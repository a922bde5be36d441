//! The texts of messages, as Alertmanager templates.

/// The summary if all alerts of a group share it, otherwise the number of alerts.
pub(super) const TITLE: &str = "{{ if .CommonAnnotations.summary }}{{ .CommonAnnotations.summary }}{{ else }}\
                     {{ .CommonLabels.service }}: {{ .Alerts.Firing | len }} alerts on SLOs{{ end }}\
                     {{ if eq .Status \"resolved\" }} (resolved){{ end }}";

pub(super) const DETAILS: &str = "{firing: '{{ range .Alerts.Firing }}{{ .Labels.slo }}: {{ .Annotations.description }} \
                       {{ .Annotations.runbook_url }} \
                       {{ .Annotations.dashboard_url }} {{ end }}', resolved: '{{ .Alerts.Resolved | len }}'}";

pub(super) const TEXT: &str = "{{ range .Alerts }}{{ .Labels.service }}/{{ .Labels.slo }} ({{ .Status }}) \
                    {{ .Annotations.description }}{{ with .Annotations.runbook_url }} Runbook: {{ . }}{{ end }}\
                    {{ with .Annotations.dashboard_url }} Dashboard: {{ . }}{{ end }}\n{{ end }}";

pub(super) const SUBJECT: &str = "{Subject: '{{ if .CommonAnnotations.summary }}{{ .CommonAnnotations.summary }}{{ else }}\
                       {{ .CommonLabels.service }}: {{ .Alerts.Firing | len }} alerts on SLOs{{ end }}\
                       {{ if eq .Status \"resolved\" }} (resolved){{ end }}'}";

/// A template with the texts of a specification between `«` and `»`.
pub(super) const SLACK_TEXT: &str = "{{ range .Alerts }}*{{ .Labels.service }}/{{ .Labels.slo }}* ({{ .Status }}) \
                          {{ «.Annotations.description» }}\
                          {{ with .Annotations.runbook_url }} <{{ «.» }}|runbook>{{ end }}\
                          {{ with .Annotations.dashboard_url }} <{{ «.» }}|dashboard>{{ end }}\n{{ end }}";

/// The template with the texts of a specification escaped, as Slack's reference on formatting requires.
/// Otherwise they could notify everybody (`<!channel>`), or show one address and link to another.
pub(super) fn slack(template: &str) -> String {
    const ESCAPED: &str =
        r#" | reReplaceAll "&" "&amp;" | reReplaceAll "<" "&lt;" | reReplaceAll ">" "&gt;""#;
    let title = "{{ .CommonAnnotations.summary }}";
    let template = template.replace(title, "{{ «.CommonAnnotations.summary» }}");
    template.replace('«', "").replace('»', ESCAPED)
}
