#!/usr/bin/env python3
"""Everything `make test` runs, stage by stage.

    scripts/test.py [--jobs N] [stage ...]

Each stage builds what it needs and counts what passed and failed. A failure does not stop the later
stages. The last line is "N passed, N failed"; the exit status is 1 when anything failed.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

from repo import ROOT

BUILD = ROOT / "build"
SANITIZER_OPTIONS = {
    "ASAN_OPTIONS": "detect_stack_use_after_return=1:allocator_may_return_null=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1",
}


@dataclass
class Count:
    passed: int = 0
    failed: int = 0

    def __add__(self, other):
        return Count(self.passed + other.passed, self.failed + other.failed)

    def __iadd__(self, other):
        self.passed += other.passed
        self.failed += other.failed
        return self

    @staticmethod
    def of(passed):
        return Count(1, 0) if passed else Count(0, 1)


def run(*command, env=None):
    """Runs a command in the repository's root, its output going to ours; True when it succeeded."""
    sys.stdout.flush()
    words = [str(word) for word in command]
    return subprocess.run(words, cwd=ROOT, env={**os.environ, **(env or {})}, check=False).returncode == 0


def run_quietly(*command):
    """The same, but its output appears only when it fails, and compilers' warnings always."""
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print(f"failed: {' '.join(words)}\n{done.stdout}{done.stderr}")
    else:
        print("".join(line for line in done.stdout.splitlines(True) if "warning:" in line), end="")
    return done.returncode == 0


def build(preset, target, jobs):
    if not (BUILD / preset / "build.ninja").exists() and not run_quietly("cmake", "--preset", preset):
        return False
    return run_quietly("cmake", "--build", BUILD / preset, "-j", jobs, "--target", target)


def count_gtest(folder, ctest_report):
    """Test cases by the reports of the programs; a program that left none counts as one failure."""
    count = Count()
    programs_failed = 0
    for path in folder.glob("*.xml"):
        suites = ElementTree.parse(path).getroot()
        failed = int(suites.get("failures", 0)) + int(suites.get("errors", 0))
        skipped = int(suites.get("disabled", 0)) + sum(
            int(suite.get("skipped", 0)) for suite in suites.iter("testsuite"))
        count += Count(int(suites.get("tests", 0)) - failed - skipped, failed)
        programs_failed += failed > 0
    report = ElementTree.parse(ctest_report).getroot()
    without_report = int(report.get("failures", 0)) - programs_failed
    return Count(count.passed, count.failed + max(0, without_report))


def default_model():
    """Fetches the default model, or finds it in the cache; its path."""
    done = subprocess.run([BUILD / "test/bin/chitu", "pull"], cwd=ROOT, stdout=subprocess.PIPE,
                          text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def ctest(preset, jobs, *arguments, env=None):
    """Runs CTest in build/<preset>, counting each GoogleTest case."""
    folder = BUILD / preset / "reports"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    report = BUILD / preset / "ctest.xml"
    report.unlink(missing_ok=True)
    env = {
        **(env or {}),
        "GTEST_OUTPUT": f"xml:{folder}/",
        "GTEST_BRIEF": "1",
        **SANITIZER_OPTIONS,
    }
    ok = run("ctest", "--test-dir", BUILD / preset, "-j", jobs, "--output-on-failure",
             "--no-tests=error", "--output-junit", report, *arguments, env=env)
    if not report.exists():
        return Count.of(ok)
    count = count_gtest(folder, report)
    return count if ok or count.failed else Count(count.passed, 1)


def stage_unit(jobs):
    if not build("test", "all", jobs):
        return Count.of(False)
    model = default_model()
    count = ctest("test", jobs, env={"CHITU_DEFAULT_MODEL": model} if model else {})
    if model is None:  # its tests were skipped, which is a failure here
        count += Count(0, 1)
    return count


def stage_lint(jobs):
    count = Count()
    done = subprocess.run([sys.executable, "scripts/lint.py", "--jobs", str(jobs)], cwd=ROOT,
                          stdout=subprocess.PIPE, text=True, check=False)
    print(done.stdout, end="")
    for passed in re.findall(r"^lint \w+: (ok|FAILED)", done.stdout, re.MULTILINE):
        count += Count.of(passed == "ok")
    return count if count.passed + count.failed else Count.of(False)


def stage_install(jobs):
    """The installed package serves a program of somebody else: examples/minimal."""
    prefix, example = BUILD / "install", BUILD / "example"
    for folder in (prefix, example):
        shutil.rmtree(folder, ignore_errors=True)
    ok = (
        build("test", "all", jobs)
        and run_quietly("cmake", "--install", BUILD / "test", "--prefix", prefix)
        and run_quietly("cmake", "-S", "examples/minimal", "-B", example, "-G", "Ninja",
                        f"-DCMAKE_PREFIX_PATH={prefix}")
        and run_quietly("cmake", "--build", example)
        and run(example / "minimal", ROOT / "models/tiny-random", "The river begins")
    )
    return Count.of(ok)


def stage_asan(jobs):
    if not build("dev", "tests", jobs):
        return Count.of(False)
    return ctest("dev", jobs, "--label-exclude", "slow")


def stage_tsan(jobs):
    """Of the kernels, what one thread computes long is left out: there are no races in it."""
    if not build("tsan", "tests_threads", jobs):
        return Count.of(False)
    long = "*cpu_scalar*:*ManyQueries*:*NotFinite*:*LargeVocabularies*:*ExtremeCodes*"
    return ctest("tsan", jobs, "--label-regex", "threads", env={"GTEST_FILTER": f"-{long}"})


def stage_arm64(jobs):
    """The back ends for 64-bit ARM, in an emulator of the processor. What asks the operating system
    (src/base, memory) is left out: there it meets the emulator's idea of one. So is attention with fast
    arithmetic, which is the same code, and with many threads: they take the emulator long."""
    if not build("arm64", "tests", jobs):
        return Count.of(False)
    return ctest("arm64", jobs, "--exclude-regex", "^base$",
                 env={"GTEST_FILTER": "-Memory.*:*Attentions*_fast:*Attentions.Threads*"})


def stage_fuzz(jobs):
    if not build("fuzz", "all", jobs):
        return Count.of(False)
    done = subprocess.run(["scripts/fuzz.sh", str(BUILD / "fuzz"), "60"], cwd=ROOT,
                          stdout=subprocess.PIPE, text=True, check=False)
    print(done.stdout, end="")
    count = Count()
    for passed in re.findall(r"^fuzz \w+: (ok|FAILED)", done.stdout, re.MULTILINE):
        count += Count.of(passed == "ok")
    return count if count.passed + count.failed else Count.of(False)


def pytest(report_name, *folders, preset="test"):
    """Runs Python tests, with CHITU naming the program."""
    report = BUILD / report_name
    report.unlink(missing_ok=True)
    ok = run(sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *folders,
             env={**SANITIZER_OPTIONS, "CHITU": str(BUILD / preset / "bin/chitu")})
    if not report.exists():
        return Count.of(False)
    suite = next(ElementTree.parse(report).getroot().iter("testsuite"))
    failed = int(suite.get("failures")) + int(suite.get("errors"))
    passed = int(suite.get("tests")) - failed - int(suite.get("skipped"))
    return Count(passed, failed + (not ok and not failed))


def stage_pytest(jobs):
    """The scripts' own tests, and the program from outside."""
    targets = ("chitu", "tokenize_corpus", "render_cases")
    built = all([build("test", target, jobs) for target in targets])
    folders = ["scripts", "tests/e2e", "tests/golden/tokenizers", "tests/golden/chat_templates"]
    folders = [folder for folder in folders if (ROOT / folder).is_dir()]
    return pytest("pytest.xml", *folders) + Count(0, not built)


def serving_with(preset):
    """`chitu serve` from outside: OpenAI's own package, hostile bytes, faults, a minute of load."""
    def stage(jobs):
        if not build(preset, "chitu", jobs):
            return Count.of(False)
        return pytest(f"serving-{preset}.xml", "tests/serving", preset=preset)
    return stage


# In the order of a failure's likelihood and cost; pytest last, for its closing line.
STAGES = {
    "unit": stage_unit,
    "lint": stage_lint,
    "install": stage_install,
    "asan": stage_asan,
    "tsan": stage_tsan,
    "arm64": stage_arm64,
    "fuzz": stage_fuzz,
    "serving": serving_with("test"),
    "pytest": stage_pytest,
}
# Only when they are named: minutes each.
ON_REQUEST = {
    "serving_asan": serving_with("dev"),
    "serving_tsan": serving_with("tsan"),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    stages = {**STAGES, **ON_REQUEST}
    parser.add_argument("stages", nargs="*", metavar="stage",
                        help=f"{', '.join(STAGES)}; and by name alone {', '.join(ON_REQUEST)}")
    options = parser.parse_args()
    for name in options.stages:
        if name not in stages:
            parser.error(f"no stage '{name}'; there are {', '.join(stages)}")

    total = Count()
    for name in options.stages or STAGES:
        print(f"\n=== {name}", flush=True)
        start = time.monotonic()
        count = stages[name](options.jobs)
        total += count
        seconds = time.monotonic() - start
        print(f"=== {name}: {count.passed} passed, {count.failed} failed in {seconds:.0f} s", flush=True)
    print(f"{total.passed} passed, {total.failed} failed")
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
