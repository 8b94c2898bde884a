{{/*
With an image that has a shell: what is brought to /live/<service> runs, and the next one as soon as it is there. One that ends by
itself is not started again: its log says why. See deploy/live/push.sh.
*/}}
{{- define "nbgate-lib.liveCommand" -}}
- sh
- -c
- |
  trap 'kill "$pid"; wait "$pid"; exit' TERM
  echo "waiting for /live/{{ .Chart.Name }}"
  while true; do
    found=$(stat -c '%i %Y' /live/{{ .Chart.Name }} 2>/dev/null)
    if [ -n "$found" ] && [ "$found" != "$running" ]; then
      [ -z "$pid" ] || { kill "$pid"; wait "$pid"; }
      running=$found
      /live/{{ .Chart.Name }} "$@" &
      pid=$!
    fi
    sleep 1 &
    wait "$!"
  done
- live # the name that a shell wants before its arguments
{{- end -}}
