"""Chat templates of hostile model files: requests are refused, the server lives."""

import pytest
from chitu_server import Server
from helpers import tiny_with_template

ASK = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 2}

TEMPLATES = {
    "without an end": "{% for i in range(1000000000) %}{% for j in range(1000000000) %}"
                      "{% endfor %}{% endfor %}",
    "without an end of output": "{% for i in range(1000000000) %}{{ messages }}{% endfor %}",
    "doubling": "{% set ns = namespace(s='aa') %}{% for i in range(100) %}"
                "{% set ns.s = ns.s ~ ns.s %}{% endfor %}{{ ns.s }}",
    "attributes": "{{ messages.__class__.__mro__[1].__subclasses__() }}",
    "itself": "{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}",
    "deep": "{% if true %}" * 20_000 + "{% endif %}" * 20_000,
    "deep expression": "{{ " + "(" * 100_000 + "1" + ")" * 100_000 + " }}",
    "broken": "{% for message in messages %}",
    "raise": "{{ raise_exception('no such role') }}",
}


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES)
def test_template(tmp_path, template):
    with Server(tmp_path, model=tiny_with_template(tmp_path, template)) as server:
        for path in ("/v1/chat/completions", "/apply-template"):
            status, body = server.post(path, ASK)
            assert status == 400 or (template.startswith("{{ messages.__") and status == 200), body
        assert server.post("/v1/completions", {"prompt": "The river", "max_tokens": 2})[0] == 200
