{{/* The name of all that the chart makes. */}}
{{- define "quell.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Cluster-scoped objects carry the namespace too, so that two releases of one name do not share them. */}}
{{- define "quell.clusterwide" -}}
{{- printf "%s:%s" .Release.Namespace (include "quell.fullname" .) -}}
{{- end -}}

{{/* The labels that select the pod. They must never change for a release. */}}
{{- define "quell.selector" -}}
app.kubernetes.io/name: quell
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "quell.labels" -}}
{{ include "quell.selector" . }}
app.kubernetes.io/version: {{ default .Chart.AppVersion .Values.image.tag | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "quell.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "quell.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "quell.image" -}}
{{- .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- with .Values.image.digest }}@{{ . }}{{ end }}
{{- end -}}

{{/* All Secrets that are mounted, each once, as a JSON list: those of receivers and those of kubeconfigs. */}}
{{- define "quell.secrets" -}}
{{- $names := .Values.secrets -}}
{{- range .Values.kubernetes.remoteClusters -}}
{{- $names = append $names .kubeconfigSecret -}}
{{- end -}}
{{- $names | uniq | sortAlpha | toJson -}}
{{- end -}}

{{/* What quell.yml says of one cluster. */}}
{{- define "quell.cluster" -}}
{{- $entry := dict -}}
{{- range $key := list "name" "context" "namespaces" "secrets" "qps" "burst" -}}
{{- with index $ $key }}{{ $_ := set $entry $key . }}{{ end -}}
{{- end -}}
{{- with .kubeconfigSecret -}}
{{- $_ := set $entry "kubeconfig" (printf "/etc/quell-secrets/%s/%s" . (default "kubeconfig" $.kubeconfigKey)) -}}
{{- end -}}
{{- toYaml $entry -}}
{{- end -}}

{{/* quell.yml: the values' config, and what follows from running in a pod. */}}
{{- define "quell.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- $watch := .Values.kubernetes -}}
{{- if hasKey $config "kubernetes" }}{{ fail "config.kubernetes: the values below kubernetes say which clusters are watched" }}{{ end -}}
{{- if hasKey (default dict $config.server) "listen" }}{{ fail "config.server.listen: the chart's probes and service need it as it is; service.port is yours" }}{{ end -}}
{{- if hasKey (default dict $config.storage) "path" }}{{ fail "config.storage.path: it is below the volume's mount point, /data" }}{{ end -}}
{{- $_ := set $config "server" (merge (dict "listen" "0.0.0.0:9095" "allow_remote" true) (default dict $config.server)) -}}
{{- $_ := set $config "storage" (merge (dict "path" "/data/quell.db") (default dict $config.storage)) -}}
{{- if .Values.rules -}}
{{- $rules := default dict $config.rules -}}
{{- $_ := set $config "rules" (merge (dict "files" (append (default list $rules.files) "rules/*.yml")) $rules) -}}
{{- end -}}
{{- $clusters := list -}}
{{- if $watch.enabled -}}
{{- if and $watch.remoteClusters (not $watch.clusterName) }}{{ fail "kubernetes.clusterName: with several clusters each needs a name" }}{{ end -}}
{{- $own := dict "name" $watch.clusterName "namespaces" $watch.namespaces "secrets" $watch.secrets "qps" $watch.qps "burst" $watch.burst -}}
{{- $clusters = append $clusters (include "quell.cluster" $own | fromYaml) -}}
{{- end -}}
{{- range $watch.remoteClusters -}}
{{- $clusters = append $clusters (include "quell.cluster" . | fromYaml) -}}
{{- end -}}
{{- if $clusters -}}
{{- $_ := set $config "kubernetes" (dict "clusters" $clusters) -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{/* Kinds that belong to namespaces: what the watch needs of them, and no more. */}}
{{- define "quell.namespacedRules" -}}
- apiGroups: [""]
  resources: [pods, services, persistentvolumeclaims, resourcequotas, configmaps, events]
  verbs: [list, watch]
{{- if .Values.kubernetes.secrets }}
- apiGroups: [""]
  resources: [secrets]
  verbs: [list, watch]
{{- end }}
- apiGroups: [apps]
  resources: [deployments, replicasets, statefulsets, daemonsets]
  verbs: [list, watch]
- apiGroups: [batch]
  resources: [jobs, cronjobs]
  verbs: [list, watch]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [list, watch]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [list, watch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [list, watch]
- apiGroups: [networking.k8s.io]
  resources: [ingresses]
  verbs: [list, watch]
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes, grpcroutes]
  verbs: [list, watch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [list, watch]
{{- end -}}
