#!/usr/bin/env bash
# A Docker engine of one's own, apart from any other on this machine. Needs root, and dockerd.
# usage: engine.sh start|stop <folder>    (its socket: <folder>/docker.sock)
set -euo pipefail
command=$1
folder=$2
alive() { [ -s "$folder/pid" ] && kill -0 "$(cat "$folder/pid")" 2>/dev/null; }
case $command in
  start)
    mkdir -p "$folder"
    nohup dockerd --data-root "$folder/data" --exec-root "$folder/run" --pidfile "$folder/pid" \
      --host "unix://$folder/docker.sock" >>"$folder/log" 2>&1 </dev/null &
    for _ in $(seq 240); do
      if "${DOCKER:-docker}" --host "unix://$folder/docker.sock" version >/dev/null 2>&1; then exit 0; fi
      sleep 0.25
    done
    tail -5 "$folder/log" >&2
    exit 1
    ;;
  stop)
    if alive; then kill -TERM "$(cat "$folder/pid")"; fi
    for _ in $(seq 240); do
      alive || exit 0
      sleep 0.25
    done
    kill -KILL "$(cat "$folder/pid")"
    ;;
esac
