{{- define "image-classifier.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "image-classifier.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "image-classifier.labels" -}}
{{ include "image-classifier.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "image-classifier.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}

{{- define "image-classifier.secret" -}}
{{ if .Values.secret.create }}{{ include "image-classifier.name" . }}{{ else }}{{ .Values.existingSecret }}{{ end }}
{{- end -}}

{{- define "image-classifier.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "image-classifier.name" .) }}
{{- else -}}
{{ .Values.serviceAccount.name | default "default" }}
{{- end -}}
{{- end -}}

{{/* What every pod of ours has: no rights, no user of its own, no token of the cluster's. */}}
{{- define "image-classifier.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 65534
  runAsGroup: 65534
  fsGroup: 65534
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "image-classifier.container" -}}
image: {{ include "image-classifier.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end -}}

{{/* The wait before its end, twice the longest answer (as in gunicorn_config.py), and a little. */}}
{{- define "image-classifier.graceSeconds" -}}
{{- $timeout := index .Values.settings "LLM_TIMEOUT" | default "30" | float64 | ceil | int -}}
{{ add 5 (mul 2 (add $timeout 10 5)) 5 }}
{{- end -}}

{{/* TCP ports that pods have to reach: of MySQL's servers and of what settings name by an address, and those of toPorts. */}}
{{- define "image-classifier.toPorts" -}}
{{- $ports := list -}}
{{- range $name, $value := .Values.settings -}}
{{- if has $name (list "MYSQL_HOST" "MYSQL_READ_HOSTS") -}}
{{- range splitList "," $value -}}
{{- if regexMatch "^(\\[.+\\]|[^:]+):[0-9]+$" (trim .) -}}
{{- $ports = append $ports (regexFind "[0-9]+$" (trim .) | int) -}}
{{- else -}}
{{- $ports = append $ports (index $.Values.settings "MYSQL_PORT" | default "3306" | int) -}}
{{- end -}}
{{- end -}}
{{- else if and (regexMatch "_(URL|ENDPOINT)$" $name) $value -}}
{{- $address := urlParse $value -}}
{{- $usual := eq $address.scheme "http" | ternary "80" "443" -}}
{{- $ports = append $ports (regexFind ":[0-9]+$" $address.host | trimPrefix ":" | default $usual | int) -}}
{{- end -}}
{{- end -}}
{{- range .Values.networkPolicy.toPorts -}}
{{- $ports = append $ports (int .) -}}
{{- end -}}
{{- $ports | uniq | toJson -}}
{{- end -}}
