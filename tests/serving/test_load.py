"""load.py for one minute: 256 streams, cancels and bad requests together, no clock in what is asserted."""

import asyncio

import pytest
from chitu_server import Server
from load import MIB, Answer, Load, PoolEntry, default_model, growth, report, settings

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
    assert result.streams > STREAMS // 4  # with a sanitizer it takes its time
    assert result.cancelled > 0
    assert result.refused > 0
    assert growth(result, SECONDS) < 16 * MIB


def piece(text, finish=None):
    return {"choices": [{"text": text, "finish_reason": finish}]}


def usage(tokens):
    return {"choices": [], "usage": {"completion_tokens": tokens}}


@pytest.mark.parametrize("events, problem", [
    ([piece("ab"), piece("c", "length"), usage(3), None], None),
    ([piece("ab"), piece("", "length"), usage(3), None], "different"),
    ([piece("", "length"), usage(3), None], "different"),
    ([piece("abcd", "length"), usage(3), None], "different"),
    ([piece("abc", "length"), usage(2), None], "2 tokens of 3"),
    ([piece("abc", "length"), None], "None tokens of 3"),
    ([piece("abc", "stop"), usage(3), None], "broke off"),
    ([piece("abc"), usage(3), None], "broke off"),
    ([piece("abc", "length"), usage(3)], "broke off"),
    ([piece("ab"), {"error": {"message": "out of blocks"}}], "out of blocks"),
])
def test_a_stream_that_is_not_whole_is_seen(events, problem):
    answer = Answer()
    for event in events:
        answer.take(event)
    found = answer.problem(PoolEntry({"max_tokens": 3}, "abc"))
    assert found is None if problem is None else problem in found
