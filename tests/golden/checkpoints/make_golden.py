#!/usr/bin/env python3
"""Writes small checkpoints with the packages that everybody writes them with, and what is in them.

all_types.gguf, hugging_face/: a tensor of every type that chitu reads; split-*: a model in parts.
expected.json: for each, its tensors' name, type, shape and CRC-32.
Needs: pip install gguf safetensors numpy.
"""

import json
import pathlib
import zlib

import gguf
import numpy as np
import safetensors

HERE = pathlib.Path(__file__).parent

GGML_TYPES = ["F32", "F16", "BF16", "I8", "I16", "I32", "I64", "F64", "Q4_0", "Q4_1", "Q5_0", "Q5_1",
              "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"]
SAFETENSORS_TYPES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1,
                     "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}
# The names that safetensors.serialize() takes.
SERIALIZE_NAMES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16",
                   "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "I64": "int64", "I32": "int32",
                   "I16": "int16", "I8": "int8", "U8": "uint8", "BOOL": "bool"}


def describe(name, dtype, shape, data):
    return {"name": name, "dtype": dtype, "shape": list(shape), "crc32": zlib.crc32(data)}


def gguf_tensors(rng):
    for name in GGML_TYPES:
        qtype = gguf.GGMLQuantizationType[name]
        values, size = gguf.GGML_QUANT_SIZES[qtype]
        blocks = 1 if values > 1 else 5
        yield name, qtype, [3, blocks * values], rng.integers(0, 256, (3, blocks * size), dtype=np.uint8)


def write_gguf(rng):
    writer = gguf.GGUFWriter(HERE / "all_types.gguf", "llama")
    writer.add_block_count(30)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_add_bos_token(True)
    writer.add_token_list(["<s>", "</s>", "é"])
    writer.add_token_scores([0.0, -1.5, -2.0])
    writer.add_token_types([3, 3, 1])
    expected = []
    for name, qtype, shape, data in gguf_tensors(rng):
        writer.add_tensor(name.lower(), data, raw_dtype=qtype)
        expected.append(describe(name.lower(), name, shape, data.tobytes()))
    finish(writer)
    return expected


def write_split_gguf(rng):
    writer = gguf.GGUFWriter(HERE / "split", "llama", split_max_tensors=2)
    expected = []
    for name in ["a", "b", "c", "d", "e"]:
        data = rng.normal(size=(2, 3)).astype(np.float32)
        writer.add_tensor(name, data)
        expected.append(describe(name, "F32", data.shape, data.tobytes()))
    finish(writer)
    return expected


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_safetensors(rng):
    tensors, expected, alive = {}, [], []
    for name, size in SAFETENSORS_TYPES.items():
        data = rng.integers(0, 2 if name == "BOOL" else 256, 6 * size, dtype=np.uint8)
        alive.append(data)  # a TensorSpec holds only the address
        tensors[name.lower()] = safetensors.TensorSpec(
            dtype=SERIALIZE_NAMES[name], shape=[2, 3], data_ptr=data.ctypes.data, data_len=data.nbytes)
        expected.append(describe(name.lower(), name, [2, 3], data.tobytes()))
    safetensors.serialize_file(tensors, HERE / "hugging_face" / "model.safetensors", {"format": "pt"})
    return expected


def main():
    rng = np.random.default_rng(20261122)
    (HERE / "hugging_face").mkdir(exist_ok=True)
    (HERE / "hugging_face" / "config.json").write_text("{}\n")
    expected = {
        "all_types.gguf": write_gguf(rng),
        "split-00001-of-00003.gguf": write_split_gguf(rng),
        "hugging_face": write_safetensors(rng),
    }
    (HERE / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
