#!/usr/bin/env bash
# Measures `chitu serve` against llama.cpp's server on this machine: the same file, threads, load and
# places for requests, with `chitu bench serving` as the only instrument. docs/benchmark_serving.md
# says what the numbers mean.
#
#   bench/peers/llama_server.sh [--build-only] [options of bench/peers/llama_server.py]
#
# llama-server is built here, for this machine's processor, from the package that llama_cpp.sh takes
# its programs from; the same variables of the environment count.
set -euo pipefail

usage() {
  cat <<'END'
usage: bench/peers/llama_server.sh [--build-only] [options of bench/peers/llama_server.py]

Builds chitu and llama-server for this machine, then measures them in turn. The first run downloads
the peer's sources and takes long; --help builds nothing.

  --build-only  build, and measure nothing; comes first
  --help        show this

environment:
  CHITU_BENCH_CACHE  where sources and binaries are kept (~/.cache/chitu-bench)
  MARCH              build the peer for another processor: MARCH=sapphirerapids
  JOBS               compilers at once (all CPUs)

options of llama_server.py:
  --model FILE.gguf      default: chitu's default model
  --rounds N --threads N --parallel N --concurrency 1,4,16 --input-len N --output-len N
  --endpoint chat|completions
  --settings 'key=value ...'       of chitu serve
  --llama-options 'words ...'      of llama-server
  --results FILE                   where the numbers go
END
}

for word in "$@"; do
  case $word in -h | --help) usage; exit 0 ;; esac
done
# shellcheck source=bench/peers/build_peers.sh
. "$(dirname "$0")/build_peers.sh"

build llama-server "$llama_package" llama.cpp llama-server \
  -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_UI=OFF -DLLAMA_BUILD_SERVER=ON
cmake -S "$root" --preset release >/dev/null
cmake --build "$root/build/release" -j "$jobs" --target chitu >/dev/null

[ "${1:-}" != --build-only ] || exit 0
exec "$cache/venv/bin/python" "$root/bench/peers/llama_server.py" --cache "$cache" "$@"
