"""The documentation says what the program says. CHITU names the program."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_table_of_settings_is_the_programs():
    command = [os.environ["CHITU"], "settings", "--markdown"]
    table = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    page = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    assert page.endswith(table), "replace the table with what `chitu settings --markdown` prints"
