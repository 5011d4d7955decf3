"""What is told of the machine beside every result."""

import os
import platform
import re
from pathlib import Path

from contestants import usable_cpus


def machine():
    cpu = Path("/proc/cpuinfo").read_text(encoding="utf-8")

    def field(name):
        match = re.search(rf"^{name}\s*: (.*)$", cpu, re.M)
        return match[1] if match else ""

    memory = Path("/proc/meminfo").read_text(encoding="utf-8")
    pages = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    wanted = re.compile(r"avx|amx|f16c|fma")
    return {"processor": field("model name"), "family": field("cpu family"), "model": field("model"),
            "cpus": usable_cpus(), "memory_gib": int(memory.split()[1]) // 2**20,
            "instructions": sorted(f for f in field("flags").split() if wanted.match(f)),
            "huge_pages": pages.read_text(encoding="utf-8").strip() if pages.exists() else "",
            "kernel": platform.release(), "load_average": os.getloadavg()[0]}
