#!/usr/bin/env bash
# A Docker engine of one's own, apart from any other on this machine. Needs root, dockerd, and openssl.
# usage: engine.sh start|stop <folder>        (its socket: <folder>/docker.sock; by TLS: the port in <folder>/tls/port)
#        engine.sh certificates <folder>      (an authority, and certificates of it for an engine at 127.0.0.1 and a client,
#                                              under the names that the docker command gives them)
set -euo pipefail
command=$1
folder=$2
alive() { [ -s "$folder/pid" ] && kill -0 "$(cat "$folder/pid")" 2>/dev/null; }
make_certificates() {
  command -v openssl >/dev/null || { echo "openssl is not installed" >&2; exit 1; }
  mkdir -p "$1"
  cd "$1"
  local key=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes) side
  openssl req -x509 "${key[@]}" -keyout ca-key.pem -out ca.pem -subj "/CN=authority" -days 2 2>openssl.log
  for side in server- ""; do
    openssl req "${key[@]}" -keyout "${side}key.pem" -out "${side}request.pem" -subj "/CN=${side:-client}" 2>>openssl.log
    openssl x509 -req -in "${side}request.pem" -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 2 -out "${side}cert.pem" \
      -extfile <(echo "subjectAltName=IP:127.0.0.1") 2>>openssl.log
  done
}
# A free port, below those that the system gives to outgoing connections: it has to be free again after a restart.
find_port() {
  local port
  while
    port=$((20000 + RANDOM % 10000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null
  do :; done
  echo "$port"
}
case $command in
  certificates)
    make_certificates "$folder"
    ;;
  start)
    mkdir -p "$folder"
    tls="$folder/tls"
    if [ ! -f "$tls/port" ]; then
      (make_certificates "$tls")
      find_port >"$tls/port"
    fi
    nohup dockerd --data-root "$folder/data" --exec-root "$folder/run" --pidfile "$folder/pid" \
      --host "unix://$folder/docker.sock" --host "tcp://127.0.0.1:$(cat "$tls/port")" --tlsverify --tlscacert "$tls/ca.pem" \
      --tlscert "$tls/server-cert.pem" --tlskey "$tls/server-key.pem" >>"$folder/log" 2>&1 </dev/null &
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
