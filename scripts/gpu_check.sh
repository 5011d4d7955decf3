#!/usr/bin/env bash
# Runs the tests and benchmarks of the GPU from a build folder; prints a table, and writes it as JSON
# with the logs. Fails when a test did, or was skipped: without a GPU there is nothing to check.
#
#   scripts/gpu_check.sh                                    the tests of build/cuda
#   scripts/gpu_check.sh --sanitize                         and small cases under compute-sanitizer
#   scripts/gpu_check.sh --bench /data/Llama-3.2-1B         and `chitu bench` of a checkpoint
#   scripts/gpu_check.sh --only 'Linears.*cuda_bf16'        tests whose names match
#   scripts/gpu_check.sh --bundle gpu.tar.gz                instead: packs what another machine needs
#
# A bundle holds programs, stripped, and the libraries that a machine with CUDA may lack. There:
# mkdir gpu && tar -xzf gpu.tar.gz -C gpu && scripts/gpu_check.sh --build gpu
set -euo pipefail

build=build/cuda
out=
only='cuda_'
sanitize=
bundle=
models=()
usage() {
  sed -n '2,13s/^# \{0,1\}//p' "$0"
  exit "${1:-2}"
}
while [ $# -gt 0 ]; do
  case $1 in
    --build) build=$2 && shift ;;
    --out) out=$2 && shift ;;
    --only) only=$2 && shift ;;
    --bench) models+=("$2") && shift ;;
    --bundle) bundle=$2 && shift ;;
    --sanitize) sanitize=1 ;;
    --help) usage 0 ;;
    *) usage ;;
  esac
  shift
done

# Where CMake puts them, or in a bundle beside each other.
program() {
  local file
  for file in "$build/bin/$1" "$build/tests/conformance/$1" "$build/src/backend/cuda/$1"; do
    [ -x "$file" ] && echo "$file" && return
  done
  echo "gpu_check: $build has no $1; build it with" \
    "cmake --preset cuda -DCHITU_BUILD_TESTS=ON && cmake --build build/cuda" >&2
  exit 2
}
chitu=$(program chitu)
conformance=$(program conformance_test)
device_test=$(program backend_cuda_test)

if [ -n "$bundle" ]; then
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  mkdir "$folder/bin" "$folder/lib"
  for file in "$chitu" "$conformance" "$device_test"; do
    strip -o "$folder/bin/$(basename "$file")" "$file"
    # The libraries of the compiler, CUDA and the driver are the other machine's own.
    ldd "$file" | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p' |
      grep -Ev '/lib(c|m|dl|rt|pthread|stdc\+\+|gcc_s|tinfo|cuda|cublas[^/]*)\.so' |
      xargs -r cp -Lt "$folder/lib"
  done
  tar -czf "$bundle" -C "$folder" .
  du -h "$bundle"
  exit
fi

out=${out:-$build/gpu_check}
mkdir -p "$out"
export LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}/usr/local/cuda/lib64:$build/lib

rows=()
failed=0
# check NAME FIGURES-COMMAND COMMAND...: runs it into a log; FIGURES-COMMAND makes a word of the log.
check() {
  local name=$1 figures=$2 begin seconds result=ok figure
  shift 2
  begin=$(date +%s.%N)
  "$@" >"$out/$name.log" 2>&1 || result=FAILED
  seconds=$(echo "$begin $(date +%s.%N)" | awk '{printf "%.1f", $2 - $1}')
  figure=$(sh -c "$figures" <"$out/$name.log" || true)
  if [ "$name" = tests ] && grep -q 'SKIPPED' "$out/$name.log" && ! grep -q '^\[       OK' "$out/$name.log"; then
    result=FAILED
    figure='all skipped: no GPU?'
  fi
  [ $result = ok ] || failed=1
  rows+=("$name|$result|$seconds|$figure")
  printf '| %-28s | %-6s | %8s | %s\n' "$name" "$result" "$seconds" "$figure"
  [ $result = ok ] || grep -E 'FAILED|ERROR|Failure|error|Error' "$out/$name.log" | tail -20 || true
}

# Filters of GoogleTest are of the shape Backends/Suite.Case/backend.
names() {
  "$conformance" --gtest_list_tests |
    awk '/^[^ ]/ {suite = $1} /^ / {print suite $1}' | { grep -E "$1" || true; } | paste -sd:
}

gpu=$(nvidia-smi --query-gpu=name,driver_version --format=csv,noheader 2>/dev/null | head -1 || true)
echo "GPU: ${gpu:-none that nvidia-smi knows}"
printf '| %-28s | %-6s | %8s | %s\n' check result seconds figures
counted="grep -E '^\\[  (PASSED|SKIPPED|FAILED) ' | head -3 | sed 's/\\[ *//;s/ *\\]//' | tr '\\n' ' '"
check device "$counted" "$device_test"
check tests "$counted" "$conformance" --gtest_brief=0 --gtest_filter="$(names "$only")"
if [ -n "$sanitize" ]; then
  # A minute or two each: what takes longest without gains nothing with it.
  small=$(names 'cuda_(bf16|f32)$' | tr : '\n' |
    grep -Ev 'Large|Long|Distribution|Threads|Many|Ragged|Spoilt|EveryC|NotFinite' | paste -sd:)
  for tool in memcheck racecheck initcheck; do
    check "$tool" "grep 'ERROR SUMMARY' | tail -1" compute-sanitizer --tool $tool --error-exitcode 9 \
      "$conformance" --gtest_filter="$small"
  done
fi
for model in ${models+"${models[@]}"}; do
  check "bench_$(basename "$model" | tr -c 'A-Za-z0-9_.\n-' _)" "grep -m1 '^{'" "$chitu" bench --json \
    "models=$model" infer.device=cuda
done

{
  printf '{"gpu": "%s", "checks": [' "$gpu"
  separator=
  for row in "${rows[@]}"; do
    IFS='|' read -r name result seconds figure <<<"$row"
    [[ $figure == '{'* ]] || figure="\"${figure//\"/\\\"}\""
    printf '%s\n  {"name": "%s", "result": "%s", "seconds": %s, "figures": %s}' "$separator" "$name" \
      "$result" "$seconds" "$figure"
    separator=,
  done
  printf '\n]}\n'
} >"$out/gpu_check.json"
echo "$out/gpu_check.json"
exit $failed
