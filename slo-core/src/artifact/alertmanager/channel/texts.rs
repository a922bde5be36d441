//! What messages say: templates of Alertmanager.

/// The summary that all alerts of a group share; of several, how many.
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

/// With texts of a spec between `«` and `»`.
pub(super) const SLACK_TEXT: &str = "{{ range .Alerts }}*{{ .Labels.service }}/{{ .Labels.slo }}* ({{ .Status }}) \
                          {{ «.Annotations.description» }}\
                          {{ with .Annotations.runbook_url }} <{{ «.» }}|runbook>{{ end }}\
                          {{ with .Annotations.dashboard_url }} <{{ «.» }}|dashboard>{{ end }}\n{{ end }}";

/// The template with what a spec says escaped, as Slack's reference on formatting asks for: or it could call on everybody
/// (`<!channel>`), or show one address and lead to another.
pub(super) fn slack(template: &str) -> String {
    const ESCAPED: &str =
        r#" | reReplaceAll "&" "&amp;" | reReplaceAll "<" "&lt;" | reReplaceAll ">" "&gt;""#;
    let title = "{{ .CommonAnnotations.summary }}";
    let template = template.replace(title, "{{ «.CommonAnnotations.summary» }}");
    template.replace('«', "").replace('»', ESCAPED)
}
