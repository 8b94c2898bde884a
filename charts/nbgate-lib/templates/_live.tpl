{{/*
With an image that has a shell: what is brought to /live/<service> runs, and the next one as soon as it is there. One that ends by
itself is not started again: its log says why. A copy in /tmp is what runs, as tools that sync write a file in place, and a program
that runs cannot be written to; one that was not the same a second ago may still be on its way. See deploy/live.
*/}}
{{- define "nbgate-lib.liveCommand" -}}
- sh
- -c
- |
  trap 'kill "$pid"; wait "$pid"; exit' TERM
  echo "waiting for /live/{{ .Chart.Name }}"
  while true; do
    found=$(stat -c '%i %Y %s' /live/{{ .Chart.Name }} 2>/dev/null)
    if [ -n "$found" ] && [ "$found" = "$seen" ] && [ "$found" != "$running" ]; then
      [ -z "$pid" ] || { kill "$pid"; wait "$pid"; }
      running=$found
      cat /live/{{ .Chart.Name }} >/tmp/{{ .Chart.Name }}
      chmod 755 /tmp/{{ .Chart.Name }}
      /tmp/{{ .Chart.Name }} "$@" &
      pid=$!
    fi
    seen=$found
    sleep 1 &
    wait "$!"
  done
- live # the name that a shell wants before its arguments
{{- end -}}
