{{/* The path below which everything is served, without a slash at its end. */}}
{{- define "slo.serverPath" -}}
{{- .Values.server.config.base_path | default "" | trimAll "/" | printf "/%s" | trimSuffix "/" -}}
{{- end }}

{{/* The configuration: what the chart decides, and what the values say. */}}
{{- define "slo.serverConfig" -}}
{{- $own := .Values.server -}}
{{- $config := dict "version" "slo-server/v1" "listen" "0.0.0.0:9099" -}}
{{- if not $own.postgres.url -}}
{{- $_ := set $config "store" "sqlite:/var/lib/slo/slo.db" -}}
{{- else if $own.postgres.passwordSecret.name -}}
{{- $file := printf "/etc/slo/secrets/%s/%s" $own.postgres.passwordSecret.name $own.postgres.passwordSecret.key -}}
{{- $_ := set $config "store" (dict "url" $own.postgres.url "password_file" $file) -}}
{{- else -}}
{{- $_ := set $config "store" $own.postgres.url -}}
{{- end -}}
{{- if $own.specs -}}
{{- $_ := set $config "specs" (list "/etc/slo/specs") -}}
{{- end -}}
{{- toYaml (merge $config $own.config) -}}
{{- end }}

{{/* The Secrets that are mounted, as a list in JSON. */}}
{{- define "slo.serverSecrets" -}}
{{- $own := .Values.server -}}
{{- $names := $own.secrets -}}
{{- if $own.postgres.url }}{{ $names = append $names $own.postgres.passwordSecret.name }}{{ end -}}
{{- $names | compact | uniq | toJson -}}
{{- end }}
