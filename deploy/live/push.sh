#!/usr/bin/env bash
# Brings a fresh build of a service (build.sh) into the pod of a developer's copy, with kubectl alone: deploy/live/push.sh jira-proxy dev1
#
# The copy's values name an image with a shell (`config.devMode.image`); what stands in the pod's folder /live is then what runs. With
# NBGATE_BINARY, that file is brought instead, which has to be static. KUBECTL is the command [kubectl].
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

service=${1:?usage: deploy/live/push.sh SERVICE COPY}
copy=${2:?usage: deploy/live/push.sh SERVICE COPY}
binary=${NBGATE_BINARY:-}
[[ -n $binary ]] || binary=$(deploy/live/build.sh "$service")

read -ra kubectl <<<"${KUBECTL:-kubectl}"
namespace=$service-$copy
pod=$("${kubectl[@]}" --namespace "$namespace" get pod --selector "app.kubernetes.io/name=$service" --output name | head -n 1)
[[ -n $pod ]] || { echo "there is no pod of $service in the namespace $namespace" >&2; exit 1; }
# Under another name first: a program that runs cannot be written to, and half of one must not be started.
# shellcheck disable=SC2016 # the shell in the pod expands it
"${kubectl[@]}" --namespace "$namespace" exec --stdin "$pod" --container "$service" -- \
    sh -c 'cat >/live/.next && chmod 755 /live/.next && mv /live/.next "/live/$0"' "$service" <"$binary"
echo "$pod runs the new $service within seconds: ${kubectl[*]} --namespace $namespace logs --follow $pod"
