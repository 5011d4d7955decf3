#!/usr/bin/env python3
"""Writes the seeds of the fuzzers of file formats: corpus/{config,gguf,http,jinja,json,safetensors}/.

Each is a small valid file that shows the fuzzer one part of the format. Needs Python only.
"""

import json
import pathlib
import struct

CORPUS = pathlib.Path(__file__).parent / "corpus"

GGUF_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<B", 10: "<Q", 11: "<q", 12: "<d"}
GGUF_STRING, GGUF_ARRAY = 8, 9
# ggml type -> (values of a block, bytes of a block)
GGML_BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34),
    10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210),
    24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8), 30: (1, 2),
}


def safetensors(header, data=b""):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def safetensors_seeds():
    sizes = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1,
             "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}
    header, begin = {}, 0
    for dtype, size in sizes.items():
        header[dtype.lower()] = {"dtype": dtype, "shape": [2, 1], "data_offsets": [begin, begin + 2 * size]}
        begin += 2 * size
    yield "empty", safetensors({})
    yield "dtypes", safetensors(header, bytes(begin))
    yield "metadata", safetensors({
        "__metadata__": {"format": "pt"},
        "model.norm.weight": {"dtype": "BF16", "shape": [3], "data_offsets": [0, 6]},
    }, b"abcdef")
    yield "shapes", safetensors({
        "scalar": {"dtype": "U8", "shape": [], "data_offsets": [0, 1]},
        "none": {"dtype": "F32", "shape": [0, 7], "data_offsets": [1, 1]},
        "deep": {"dtype": "I8", "shape": [1, 2, 1, 2, 1], "data_offsets": [1, 5]},
    }, b"abcde")


def gguf_string(text):
    return struct.pack("<Q", len(text)) + text.encode()


def gguf(metadata=(), tensors=(), version=3, alignment=32):
    """metadata: (key, type, bytes of the value); tensors: (name, dimensions, ggml type)."""
    file = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(metadata))
    for key, kind, value in metadata:
        file += gguf_string(key) + struct.pack("<I", kind) + value
    data = b""
    for name, dims, kind in tensors:
        data += bytes(-len(data) % alignment)
        file += gguf_string(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, kind, len(data))
        values, size = GGML_BLOCKS[kind]
        elements = 1
        for dim in dims:
            elements *= dim
        data += bytes(i % 251 for i in range(elements // values * size))
    return file + bytes(-len(file) % alignment) + data


def gguf_array(element, values):
    parts = [gguf_string(v) if element == GGUF_STRING else struct.pack(GGUF_SCALARS[element], v) for v in values]
    return struct.pack("<IQ", element, len(values)) + b"".join(parts)


def gguf_seeds():
    scalars = [(f"scalar.{kind}", kind, struct.pack(form, 1)) for kind, form in GGUF_SCALARS.items()]
    arrays = [(f"array.{kind}", GGUF_ARRAY, gguf_array(kind, [0, 1])) for kind in GGUF_SCALARS]
    yield "empty", gguf()
    yield "version_2", gguf([("general.architecture", GGUF_STRING, gguf_string("llama"))], version=2)
    yield "scalars", gguf(scalars)
    yield "arrays", gguf(arrays + [("tokens", GGUF_ARRAY, gguf_array(GGUF_STRING, ["<s>", "", "a"]))])
    yield "alignment", gguf([("general.alignment", 4, struct.pack("<I", 8))], [("a", [1], 0), ("b", [1], 0)], alignment=8)
    yield "split", gguf([("split.no", 2, struct.pack("<H", 0)), ("split.count", 2, struct.pack("<H", 2)),
                         ("split.tensors.count", 5, struct.pack("<i", 1))], [("a", [2, 2], 0)])
    for kind, (values, _) in GGML_BLOCKS.items():
        yield f"type_{kind}", gguf(tensors=[("t", [values, 2], kind)])


def json_seeds():
    yield "numbers", b'[0, -1, 1.5, 1e-5, -0.0, 9223372036854775807, 18446744073709551615, 1e30, 123456789012345678901]'
    yield "strings", '["", "a\\"\\\\\\/\\b\\f\\n\\r\\t", "\\u00e9\\ud83d\\ude00", "é😀"]'.encode()
    yield "literals", b' { "a" : true , "b" : false , "c" : null } '
    yield "nesting", b"[" * 60 + b"{}" + b"]" * 60
    yield "duplicate", b'{"a": 1, "a": [1, 2], "b": {"a": {}}}'
    yield "config", json.dumps({
        "architectures": ["LlamaForCausalLM"], "hidden_size": 64, "rms_norm_eps": 1e-05,
        "rope_scaling": {"rope_type": "llama3", "factor": 8.0}, "tie_word_embeddings": True,
    }).encode()


def config_seeds():
    """The configurations of the golden models, and two of GGUF files."""
    models = pathlib.Path(__file__).parent.parent / "golden/models"
    for path in sorted(models.glob("*/config.json")):
        yield path.parent.name, path.read_bytes()
    for path in sorted(models.glob("*.gguf")):
        name = "chatglm" if path.stem.startswith("glm") else path.stem.split("-")[0]
        yield path.stem, gguf_config(name)
    yield "yarn.gguf", gguf_config("llama", [
        ("rope.scaling.type", GGUF_STRING, gguf_string("yarn")),
        ("rope.scaling.factor", 6, struct.pack("<f", 4)),
        ("rope.scaling.original_context_length", 4, struct.pack("<I", 512)),
        ("attention.key_length", 4, struct.pack("<I", 8)),
        ("attention.sliding_window", 4, struct.pack("<I", 8)),
    ])


def gguf_config(name, more=()):
    integers = {"embedding_length": 64, "feed_forward_length": 96, "block_count": 2,
                "attention.head_count": 4, "attention.head_count_kv": 2, "context_length": 2048,
                "rope.dimension_count": 8}
    entries = [(key, 4, struct.pack("<I", value)) for key, value in integers.items()]
    entries += [("rope.freq_base", 6, struct.pack("<f", 10000)), *more]
    return gguf([("general.architecture", GGUF_STRING, gguf_string(name))]
                + [(f"{name}.{key}", kind, value) for key, kind, value in entries])


def jinja_seeds():
    """Chat templates of real models, and short ones that each show a rule, eight to a file."""
    golden = pathlib.Path(__file__).parent.parent / "golden/chat_templates"
    for name in ("smollm2", "llama-3.2", "qwen3", "mistral-nemo"):
        yield name, (golden / f"templates/{name}.jinja").read_bytes()
    rules = [json.loads(line) for line in (golden / "found.jsonl").read_text().splitlines()]
    for i in range(0, len(rules), 8):
        yield f"rules_{i // 8}", "\n".join(rules[i:i + 8]).encode()
    # What once cost more than its steps: many names, searches that begin again, and large strings.
    names = "".join(f"{{% if a{i} %}}{{% set b{i} = 1 %}}{{% elif c{i} %}}{{{{ b{i - 1} }}}}{{% endif %}}" for i in range(1, 40))
    yield "names", f"{names}{{% macro m(a, b=a) %}}{{% set a = b1 %}}{{{{ kwargs }}}}{{{{ varargs }}}}{{% endmacro %}}{{{{ m(1, **d) }}}}".encode()
    yield "searches", (b"{% set s = 'ab' * 999 %}{% set p = 'ab' * 99 ~ 'a' %}{{ p in s }}{{ s.rfind(p) }}{{ s.count(p) }}"
                       b"{{ s.split(p) }}{{ s.rsplit(p, 2) }}{{ s|replace(p, 'x') }}{{ s.rpartition(p) }}{{ s.strip(p) }}")
    yield "bytes", ("{% set s = 'a' * 9999 %}{% set u = 'é' * 999 %}{% for i in range(99) %}{% set x %}{{ s }}{% endset %}{{ x == s }}"
                    "{{ {s: 1}[x] }}{{ s.startswith((x, u)) }}{{ u[i:].find('é', i) }}{{ s|e|length }}{% endfor %}").encode()
    yield "context", b"{{ x|tojson(indent=2) }}{% for k, v in y.items() %}{{ k ~ v }}{% endfor %}\0" + json.dumps(
        {"x": [1, -0.5, None, "\u00e9"], "y": {"a": True}}).encode()


def http_seeds():
    """The first byte says in which pieces the rest arrives (http_fuzz.cc)."""
    host = b"Host: localhost:8000\r\n"
    post = b"POST /v1/completions HTTP/1.1\r\n" + host
    yield "get", b"\0GET /v1/models/a%20b?x=1 HTTP/1.1\r\n" + host + b"Authorization: Bearer key\r\nX-Request-Id: r-1\r\n\r\n"
    yield "body", b"\1" + post + b"Content-Length: 13\r\nExpect: 100-continue\r\n\r\n{\"prompt\": 1}"
    yield "chunked", b"\2" + post + b"Transfer-Encoding: chunked\r\n\r\n5;a=\"b\"\r\n{\"a\":\r\n2\r\n1}\r\n0\r\nTrailer: x\r\n\r\n"
    yield "pipelined", b"\3" + 3 * (b"\r\nHEAD / HTTP/1.1\r\n" + host + b"Connection: keep-alive\r\n\r\n")
    yield "origin", b"\4OPTIONS /stop HTTP/1.1\r\n" + host + b"Origin: https://chat.example\r\nAccess-Control-Request-Method: POST\r\n\r\n"
    yield "absolute", b"\5GET http://[::1]:8000/stop HTTP/1.0\r\nHost: [::1]\r\nX: a\r\n b\r\n\r\n"
    yield "conflict", b"\6" + post + b"Content-Length: 3, 3\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"


def main():
    for name, seeds in [("config", config_seeds()), ("gguf", gguf_seeds()), ("http", http_seeds()),
                        ("jinja", jinja_seeds()), ("json", json_seeds()), ("safetensors", safetensors_seeds())]:
        folder = CORPUS / name
        folder.mkdir(parents=True, exist_ok=True)
        for seed, content in seeds:
            (folder / seed).write_bytes(content)


if __name__ == "__main__":
    main()
