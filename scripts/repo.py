"""What the checks share: the repository's files, and the form of a finding."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

CPP_SUFFIXES = {".h", ".cc", ".cu", ".cuh"}


def tracked_files(root=ROOT):
    """Files under version control, and new ones not ignored, relative to the root."""
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    paths = (Path(name) for name in out.split("\0") if name)
    return sorted(path for path in paths if (root / path).is_file())


def read(root, path):
    return (root / path).read_text(encoding="utf-8", errors="replace")


def report(findings, what):
    """Prints the findings, one a line; the exit status of a check."""
    for finding in findings:
        print(finding)
    if findings:
        print(f"{what}: {len(findings)} found")
    return 1 if findings else 0
