"""Chat templates of hostile model files: requests are refused, the server lives."""

import json
import shutil

import pytest
from chitu_server import TINY, Server

ASK = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 2}

TEMPLATES = {
    "without an end": "{% for i in range(1000000000) %}{% for j in range(1000000000) %}"
                      "{% endfor %}{% endfor %}",
    "without an end of output": "{% for i in range(1000000000) %}{{ messages }}{% endfor %}",
    "doubling": "{% set ns = namespace(s='aa') %}{% for i in range(100) %}"
                "{% set ns.s = ns.s ~ ns.s %}{% endfor %}{{ ns.s }}",
    "attributes": "{{ messages.__class__.__mro__[1].__subclasses__() }}",
    "itself": "{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}",
    "broken": "{% for message in messages %}",
    "raise": "{{ raise_exception('no such role') }}",
}


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES)
def test_template(tmp_path, template):
    model = tmp_path / "model"
    shutil.copytree(TINY, model)
    path = model / "tokenizer_config.json"
    config = json.loads(path.read_text())
    config["chat_template"] = template
    path.write_text(json.dumps(config))
    with Server(tmp_path, model=model) as server:
        for path in ("/v1/chat/completions", "/apply-template"):
            status, body = server.post(path, ASK)
            assert status == 400 or (template.startswith("{{ messages.__") and status == 200), body
        assert server.post("/v1/completions", {"prompt": "The river", "max_tokens": 2})[0] == 200
