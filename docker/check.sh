#!/usr/bin/env bash
# Checks what docker/ holds: the compose file for both profiles, the image built, and the image run once against a
# Postgres until it is ready.
#
#   docker/check.sh                 with docker
#   docker/check.sh --local-base    with buildah as root on Debian, where no engine or registry is at hand: the base
#                                   images are made here, of debootstrap and this project's own Node and Deno
#
# The smoke run needs DATABASE_URL, a Postgres that is reachable from here; NATS_URL is handed on when it is set.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '=== %s\n' "$*"; }
stop() { printf 'docker/check.sh: %s\n' "$*" >&2; exit 1; }

compose() {
  if docker compose version >/dev/null 2>&1; then docker compose "$@"
  elif command -v docker-compose >/dev/null; then docker-compose "$@"
  else stop "neither docker compose nor docker-compose is here: apt-get install docker-compose"
  fi
}

check_compose() {
  local secrets
  secrets=$(mktemp)
  printf '%s\n' POSTGRES_PASSWORD=p NATS_PASSWORD=n ADMIN_TOKEN=t "VAULT_KEYS=k1:$(head -c 32 /dev/zero | base64)" \
    >"$secrets"
  for profile in core full; do
    say "compose, profile $profile"
    compose -f docker/compose.yaml --env-file "$secrets" --profile "$profile" config >/dev/null
  done
  rm -f "$secrets"
}

smoke_settings() {
  printf '%s\n' "DATABASE_URL=$DATABASE_URL" "PORT=$port" HOST=127.0.0.1 ADMIN_TOKEN=smoke
  [ -z "${NATS_URL:-}" ] || printf '%s\n' "NATS_URL=$NATS_URL"
}

# Waits for /ready, says what the service is, and ends it as a process manager would.
await_ready() {
  for _ in $(seq 120); do
    if curl -fsS "http://127.0.0.1:$port/ready" 2>/dev/null; then
      echo
      return
    fi
    kill -0 "$1" 2>/dev/null || stop "the container ended before it was ready"
    sleep 0.5
  done
  stop "the container was not ready within a minute"
}

with_docker() {
  say "build"
  docker build -f docker/Dockerfile -t tipstream .
  docker image ls tipstream
  [ -n "${DATABASE_URL:-}" ] || { say "no DATABASE_URL: the image was built, not run"; return; }
  say "run"
  smoke_settings >"$work/settings"
  docker run --rm --name tipstream-smoke --network host --env-file "$work/settings" tipstream &
  await_ready $!
  docker exec tipstream-smoke id -u
  docker stop tipstream-smoke
  wait
}

# A minimal Debian with one program in it, under the name the Dockerfile asks for.
local_image() {
  local name=$1 container mounted
  shift
  container=$(buildah from "${store[@]}" scratch)
  mounted=$(buildah mount "${store[@]}" "$container")
  tar -C "$work/debian" -cf - . | tar -C "$mounted" -xf -
  "$@" "$mounted"
  buildah umount "${store[@]}" "$container" >/dev/null
  buildah commit --quiet "${store[@]}" "$container" "$name"
}
add_node() {
  local prefix
  prefix=$(dirname "$(dirname "$(command -v npm)")")
  cp -L "$(command -v node)" "$1/usr/bin/node"
  mkdir -p "$1/usr/lib/node_modules"
  cp -r "$prefix/lib/node_modules/npm" "$1/usr/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$1/usr/bin/npm"
}
add_deno() { cp -L node_modules/.bin/deno "$1/usr/bin/deno"; }

with_local_base() {
  [ "$(id -u)" = 0 ] || stop "--local-base needs root"
  for tool in buildah debootstrap curl; do
    command -v "$tool" >/dev/null || stop "$tool is not here: apt-get install buildah debootstrap curl"
  done
  store=(--root "$work/images" --runroot "$work/run" --storage-driver vfs)
  say "base images"
  debootstrap --variant=minbase --include=ca-certificates bookworm "$work/debian" >"$work/debootstrap.log"
  local_image docker.io/library/node:24-slim add_node
  local_image docker.io/denoland/deno:debian-2.9.6 add_deno
  say "build"
  buildah bud "${store[@]}" --isolation chroot --network host --pull-never ${BUILD_OPTIONS:-} \
    -f docker/Dockerfile -t tipstream .
  buildah images "${store[@]}"
  [ -n "${DATABASE_URL:-}" ] || { say "no DATABASE_URL: the image was built, not run"; return; }
  say "run"
  local container settings=()
  container=$(buildah from "${store[@]}" --pull-never tipstream)
  while read -r setting; do settings+=(--env "$setting"); done < <(smoke_settings)
  buildah run "${store[@]}" --isolation chroot --network host "${settings[@]}" "$container" -- \
    /app/bin/tipstream serve &
  local running=$!
  await_ready "$running"
  buildah run "${store[@]}" --isolation chroot --network host "${settings[@]}" "$container" -- \
    deno eval "const { ok } = await fetch('http://127.0.0.1:$port/health'); Deno.exit(ok ? 0 : 1)"
  say "health check passed as user $(buildah run "${store[@]}" --isolation chroot "$container" -- id -u)"
  pkill -TERM -P "$running" || true
  kill "$running" 2>/dev/null || true
  wait "$running" || true
}

work=$(mktemp -d)
port=${SMOKE_PORT:-18080}
trap 'rm -rf "$work"' EXIT

check_compose
case ${1:-} in
--local-base) with_local_base ;;
'') if docker info >/dev/null 2>&1; then with_docker; else stop "no docker engine answers: try --local-base"; fi ;;
*) stop "unknown option $1" ;;
esac
say "all right"
