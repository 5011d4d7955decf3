#!/usr/bin/env python3
"""Makes models/tiny-random.gguf: the model of models/tiny-random, tokenizer and chat template included,
as one GGUF file. The values are the same, so the answers are too. The same inputs give the same bytes.

    pip install gguf numpy
    python3 scripts/make_tiny_gguf.py models/tiny-random models/tiny-random.gguf
"""

import json
import re
import sys
from pathlib import Path

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type

NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def read_json(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def read_bf16(path: Path) -> dict:
    """The tensors of a safetensors file whose values are all BF16, as float32."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    tensors = {}
    for name in sorted(header.keys() - {"__metadata__"}):
        entry = header[name]
        assert entry["dtype"] == "BF16"
        begin, end = (8 + size + offset for offset in entry["data_offsets"])
        bits = np.frombuffer(data[begin:end], "<u2").astype(np.uint32) << 16
        tensors[name] = bits.view(np.float32).reshape(entry["shape"])
    return tensors


def gguf_name(name: str) -> str:
    stem = name.removesuffix(".weight")
    if match := re.fullmatch(r"model\.layers\.(\d+)\.(.*)", stem):
        return f"blk.{match[1]}.{NAMES[match[2]]}.weight"
    return f"{NAMES[stem]}.weight"


def interleave_halves(values: np.ndarray, heads: int) -> np.ndarray:
    """Rows (i, i + half) of each head become neighbours, as llama.cpp's converter has them."""
    shape = values.shape
    return np.ascontiguousarray(values.reshape(heads, 2, -1, shape[1]).swapaxes(1, 2).reshape(shape))


def add_config(writer: gguf.GGUFWriter, config: dict) -> None:
    writer.add_name("tiny-random")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_rope_dimension_count(config["head_dim"])
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])


def add_tokenizer(writer: gguf.GGUFWriter, directory: Path) -> None:
    tokenizer = read_json(directory / "tokenizer.json")
    names = read_json(directory / "tokenizer_config.json")
    ids = dict(tokenizer["model"]["vocab"])
    special = {token["content"]: token["id"] for token in tokenizer["added_tokens"]}
    ids.update(special)
    tokens = sorted(ids, key=ids.get)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.CONTROL if token in special else gguf.TokenType.NORMAL
                            for token in tokens])
    writer.add_token_merges([" ".join(pair) for pair in tokenizer["model"]["merges"]])
    writer.add_bos_token_id(ids[names["bos_token"]])
    writer.add_eos_token_id(ids[names["eos_token"]])
    writer.add_unk_token_id(ids[names["unk_token"]])
    writer.add_pad_token_id(ids[names["pad_token"]])
    writer.add_chat_template(names["chat_template"])


def add_tensors(writer: gguf.GGUFWriter, directory: Path, config: dict) -> None:
    heads = {"attn_q": config["num_attention_heads"], "attn_k": config["num_key_value_heads"]}
    for old, values in read_bf16(directory / "model.safetensors").items():
        name = gguf_name(old)
        part = name.split(".")[-2]
        if part in heads:
            values = interleave_halves(values, heads[part])
        kind = Type.F32 if values.ndim == 1 else Type.BF16
        writer.add_tensor(name, gguf.quantize(values, kind), raw_dtype=kind)


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    directory, output = map(Path, sys.argv[1:])
    config = read_json(directory / "config.json")
    writer = gguf.GGUFWriter(str(output), "llama")
    add_config(writer, config)
    add_tokenizer(writer, directory)
    add_tensors(writer, directory, config)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
