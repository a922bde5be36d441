{{/* The name of all objects. Suffixes have up to 17 characters, and labels 63; StatefulSets need one less. */}}
{{- define "slo.fullname" -}}
{{- $name := .Release.Name -}}
{{- if not (contains .Chart.Name $name) }}{{ $name = printf "%s-%s" $name .Chart.Name }}{{ end -}}
{{- default $name .Values.fullnameOverride | trunc 45 | trimSuffix "-" -}}
{{- end }}

{{/* Labels that select pods. Called with the root and the name of a component. */}}
{{- define "slo.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ $root.Chart.Name }}
app.kubernetes.io/instance: {{ $root.Release.Name | quote }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/* Labels of objects. Helm adds one that says that they are its own. */}}
{{- define "slo.labels" -}}
{{ include "slo.selector" . }}
app.kubernetes.io/part-of: slo
app.kubernetes.io/version: {{ (index . 0).Chart.AppVersion | quote }}
{{- end }}

{{/* Name, namespace and labels. Called with the root, a component, and what follows the name. */}}
{{- define "slo.metadata" -}}
{{- $root := index . 0 -}}
name: {{ include "slo.fullname" $root }}-{{ index . 2 }}
namespace: {{ $root.Release.Namespace | quote }}
labels:
  {{- include "slo.labels" . | nindent 2 }}
{{- end }}

{{/* Labels and annotations of pods. Called with the root, a component, and more annotations. */}}
{{- define "slo.podMetadata" -}}
{{- $own := get (index . 0).Values (index . 1) -}}
labels:
  {{- include "slo.labels" . | nindent 2 }}
  {{- with $own.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with merge (index . 2) $own.podAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "slo.image" -}}
{{- with .Values.image -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ end -}}
{{- end -}}
{{- end }}

{{- define "slo.serviceAccount" -}}
{{- .Values.controller.serviceAccount.name | default (printf "%s-controller" (include "slo.fullname" .)) -}}
{{- end }}

{{/* What all pods share. Called with the root and a component. */}}
{{- define "slo.podSpec" -}}
{{- $root := index . 0 -}}
{{- $own := get $root.Values (index . 1) -}}
enableServiceLinks: false
{{- with $root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
{{- with $own.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with $own.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if gt (int $own.replicas) 1 }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "slo.selector" . | nindent 8 }}
    {{- if eq (index . 1) "controller" }}
    # Without it, pods of the last version would count during an upgrade.
    matchLabelKeys: [pod-template-hash]
    {{- end }}
{{- end }}
{{- end }}

{{/* The user of a pod. Values that are null are left to the cluster. Called with the root and the names of the values. */}}
{{- define "slo.podSecurityContext" -}}
runAsNonRoot: true
{{- $context := (index . 0).Values.podSecurityContext | default dict }}
{{- range $name := index . 1 }}
{{- with get $context $name }}
{{ $name }}: {{ int64 . }}
{{- end }}
{{- end }}
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{/* What a container may do. */}}
{{- define "slo.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}
