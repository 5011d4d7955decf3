"""Broken and hostile checkpoints: one line, exit code 1, no crash."""

import json
import shutil
import struct

import pytest
from conftest import TINY, assert_error


@pytest.fixture
def model(tmp_path):
    """A copy of the tiny model to damage."""
    folder = tmp_path / "model"
    shutil.copytree(TINY, folder)
    return folder


def change_json(path, change):
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


def run(chitu, model):
    return chitu("run", "Hello", f"models={model}", "request.max_new_tokens=2")


def test_the_copy_works(chitu, model):
    assert run(chitu, model).returncode == 0


def test_missing_models(chitu, tmp_path):
    assert_error(run(chitu, tmp_path / "absent"), "absent")
    assert_error(run(chitu, tmp_path / "absent.gguf"), "absent.gguf")
    assert_error(run(chitu, tmp_path), "config.json")
    (tmp_path / "empty.gguf").write_bytes(b"")
    assert_error(run(chitu, tmp_path / "empty.gguf"), "empty.gguf")
    assert_error(run(chitu, "/dev/null/x"), "/dev/null/x")


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors",
                                  "tokenizer_config.json"])
@pytest.mark.parametrize("content", [b"", b"{", b"null", b"[]", b"\xff" * 64, b"\x00" * 4096,
                                     b"{" * 100000])
def test_files_of_nonsense(chitu, model, name, content):
    (model / name).write_bytes(content)
    assert_error(run(chitu, model), name)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_missing_files(chitu, model, name):
    (model / name).unlink()
    assert_error(run(chitu, model))


@pytest.mark.parametrize("field, value", [
    ("num_attention_heads", 0), ("num_attention_heads", 3), ("num_attention_heads", -4),
    ("hidden_size", 0), ("hidden_size", 2**62), ("hidden_size", "64"), ("hidden_size", 1.5),
    ("num_hidden_layers", 3), ("num_hidden_layers", 10**9), ("vocab_size", 2**40),
    ("vocab_size", 511), ("head_dim", 17), ("num_key_value_heads", 3), ("rms_norm_eps", "x"),
    ("architectures", ["NoSuchForCausalLM"]), ("architectures", []), ("rope_theta", -1),
    ("intermediate_size", 2**31),
])
def test_impossible_configurations(chitu, model, field, value):
    change_json(model / "config.json", lambda config: config.update({field: value}))
    assert_error(run(chitu, model))


def test_the_path_of_a_checkpoint_without_a_tokenizer_is_said_once(chitu, model):
    (model / "tokenizer.json").unlink()
    result = run(chitu, model)
    assert_error(result, f"{model}: no tokenizer; put")
    assert result.stderr.count(str(model)) == 1


def safetensors(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


@pytest.mark.parametrize("content", [
    struct.pack("<Q", 2**63) + b"{}",
    struct.pack("<Q", 100) + b"{}",
    safetensors({"x": {"dtype": "F32", "shape": [4], "data_offsets": [0, 2**62]}}),
    safetensors({"x": {"dtype": "F32", "shape": [2**62, 4], "data_offsets": [0, 16]}}, b"0" * 16),
    safetensors({"x": {"dtype": "F32", "shape": [-4], "data_offsets": [0, 16]}}, b"0" * 16),
    safetensors({"x": {"dtype": "Q99", "shape": [4], "data_offsets": [0, 16]}}, b"0" * 16),
    safetensors({"x": {"dtype": "F32", "shape": [4], "data_offsets": [16, 0]}}, b"0" * 16),
    safetensors(b'{"x":' * 50000),
])
def test_hostile_safetensors(chitu, model, content):
    (model / "model.safetensors").write_bytes(content)
    assert_error(run(chitu, model), "model.safetensors")


@pytest.mark.parametrize("content", [
    b"GGUF",
    b"GGUF" + struct.pack("<IQQ", 3, 2**63, 2**63),
    b"GGUF" + struct.pack("<IQQ", 99, 0, 0),
    b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 2**60) + b"key",
    b"GGML" + b"\x00" * 64,
    b"PK\x03\x04" + b"\x00" * 64,
])
def test_hostile_gguf(chitu, tmp_path, content):
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    assert_error(run(chitu, path), "model.gguf")


@pytest.mark.parametrize("template", [
    "{% for i in range(999999999) %}{% for j in range(999999999) %}{% endfor %}{% endfor %}",
    "{{ ''.__class__.__mro__ }}",
    "{{ 'x' * 999999999 }}",
    "{% if %}",
    "{{ raise_exception('refused by the template') }}",
    "{{ " + "(" * 100000 + " }}",
])
def test_hostile_templates(chitu, model, template):
    change_json(model / "tokenizer_config.json",
                lambda config: config.update(chat_template=template))
    assert_error(run(chitu, model))
    # A text that needs no template is continued all the same.
    assert chitu("run", "--raw", "Hello", f"models={model}",
                 "request.max_new_tokens=2").returncode == 0


@pytest.mark.parametrize("change", [
    lambda t: t["model"]["vocab"].update(extra=2**40),
    lambda t: t["model"]["vocab"].update(extra=-1),
    lambda t: t["model"]["merges"].append(["no", "such"]),
    lambda t: t["model"].update(type="NoSuchModel"),
    lambda t: t.update(pre_tokenizer={"type": "Split", "pattern": {"Regex": "("},
                                      "behavior": "Isolated", "invert": False}),
])
def test_hostile_tokenizers(chitu, model, change):
    change_json(model / "tokenizer.json", change)
    assert_error(run(chitu, model), "tokenizer.json")
