"""load.py for one minute: 256 streams, cancels and bad requests together, no clock in what is asserted."""

import asyncio

from chitu_server import Server
from load import MIB, Load, default_model, growth, report, settings

SECONDS = 60
STREAMS = 256


def test_load(tmp_path):
    # A cache that is soon full: streams are preempted and go on.
    with Server(tmp_path, *settings(STREAMS, max_reqs=64, num_blocks=96),
                model=default_model()) as server:
        load = Load(server, SECONDS, STREAMS, pool_size=24, max_tokens=48, max_words=120)
        result = asyncio.run(load.run())
        report(result, SECONDS, server.metrics())
    assert not result.problems
    assert result.streams > STREAMS
    assert result.cancelled > 0
    assert result.refused > 0
    assert growth(result, SECONDS) < 16 * MIB
