#!/usr/bin/env bash
# Runs every libFuzzer target of a build for an equal share of some seconds, starting from the
# committed corpus in tests/fuzz/corpus/<target>. What it finds by itself stays in the build folder.
#
#   scripts/fuzz.sh build/fuzz 60                  all targets, 60 seconds in all
#   scripts/fuzz.sh build/fuzz 600 gguf json       these two
#
# Prints "fuzz TARGET: ok" or "fuzz TARGET: FAILED" for each; exits with 1 when one failed.
set -euo pipefail

build=${1:?usage: scripts/fuzz.sh BUILD_FOLDER SECONDS [TARGET ...]}
seconds=${2:?usage: scripts/fuzz.sh BUILD_FOLDER SECONDS [TARGET ...]}
root=$(cd "$(dirname "$0")/.." && pwd)

shopt -s nullglob
targets=("$build"/fuzz/*_fuzz)
if [ $# -gt 2 ]; then
  targets=("${@:3}")
  targets=("${targets[@]/#/$build/fuzz/}")
  targets=("${targets[@]/%/_fuzz}")
fi
[ ${#targets[@]} -gt 0 ] || {
  echo "fuzz: no targets in $build/fuzz; build with: cmake --preset fuzz && cmake --build build/fuzz" >&2
  exit 1
}

share=$(((seconds + ${#targets[@]} - 1) / ${#targets[@]}))
failed=0
for target in "${targets[@]}"; do
  name=$(basename "$target")
  found=$build/corpus/$name
  committed=$root/tests/fuzz/corpus/${name%_fuzz}
  mkdir -p "$found"
  [ -d "$committed" ] || committed=
  log=$build/$name.log
  # shellcheck disable=SC2086  # an empty $committed is no argument
  if "$target" -max_total_time=$share -timeout=10 -rss_limit_mb=2048 -artifact_prefix="$build/" \
    "$found" $committed >"$log" 2>&1; then
    echo "fuzz $name: ok ($(sed -n 's/^Done \([0-9]*\) runs.*/\1/p' "$log") runs)"
  else
    echo "fuzz $name: FAILED; see $log"
    tail -n 30 "$log"
    failed=1
  fi
done
exit $failed
