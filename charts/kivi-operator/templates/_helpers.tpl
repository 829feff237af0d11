{{/* The chart's name, or its override. */}}
{{- define "kivi-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The name of every object, at most 63 characters: `kivi-operator` for the releases `kivi` and `kivi-operator`. */}}
{{- define "kivi-operator.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains (include "kivi-operator.name" .) .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else if hasPrefix (printf "%s-" .Release.Name) (include "kivi-operator.name" .) }}
{{- include "kivi-operator.name" . }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "kivi-operator.name" .) | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* The name of a cluster-wide object: two releases in two namespaces must not share one. */}}
{{- define "kivi-operator.clusterName" -}}
{{- printf "%s:%s" (include "kivi-operator.namespace" .) (include "kivi-operator.fullname" .) }}
{{- end }}

{{- define "kivi-operator.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride }}
{{- end }}

{{- define "kivi-operator.chart" -}}
{{- printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Labels that never change: selectors use these and nothing else. */}}
{{- define "kivi-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "kivi-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}

{{/* Labels of every object; the chart's own win over commonLabels. */}}
{{- define "kivi-operator.labels" -}}
{{- merge (include "kivi-operator.ownLabels" . | fromYaml) .Values.commonLabels | toYaml }}
{{- end }}

{{- define "kivi-operator.ownLabels" -}}
{{ include "kivi-operator.selectorLabels" . }}
app.kubernetes.io/part-of: kivi
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ include "kivi-operator.chart" . }}
{{- end }}

{{- define "kivi-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "kivi-operator.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- required "serviceAccount.name: name the ServiceAccount to use, as serviceAccount.create is false" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* One image reference: (list $ "kivi-server") gives REGISTRY/kivi-server:TAG. */}}
{{- define "kivi-operator.image" -}}
{{- $root := first . }}
{{- printf "%s/%s:%s" (trimSuffix "/" $root.Values.image.registry) (last .) (default $root.Chart.AppVersion $root.Values.image.tag) }}
{{- end }}

{{/* What the operator may do: the same rules in a ClusterRole, or in a Role in each of watchNamespaces. */}}
{{- define "kivi-operator.rules" -}}
{{ .Files.Get "files/rules.yaml" | trim }}
{{- end }}
