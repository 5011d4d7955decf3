#!/usr/bin/env python3
"""Makes the tiny GGUF files of this folder and what transformers computes with their values.

The weights are quantized, then dequantized by the gguf package, and given to transformers under
Hugging Face's names in float32; so only the arithmetic of a forward pass is compared, and what the
two formats call and order differently: names, permuted rows of q and k, stacked projections.

    pip install torch transformers safetensors numpy gguf
    python3 make_gguf.py
"""

import math
import tempfile
import zlib
from pathlib import Path

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as Type

import oracle
from make_models import GLM, LLAMA3_ROPE, llama, qwen2, sizes

LAYER_NAMES = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.gate_up_proj": "ffn_up",  # GLM-4: both stacked
    "mlp.down_proj": "ffn_down",
}
TOP_NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
}

# name: GGUF architecture, configuration, type of each tensor (the first whose key is part of the
# name), prompt lengths
FILES = {
    "llama-legacy-quants": (
        "llama",
        llama(tie_word_embeddings=True, **sizes(4, 2, 16, intermediate=96)),
        {"norm": Type.F32, "token_embd": Type.Q8_0, "attn_q": Type.Q4_1, "attn_k": Type.Q5_0,
         "attn_v": Type.Q8_0, "attn_output": Type.Q5_1, "ffn_down": Type.Q8_0, "": Type.Q4_0},
        [24, 9],
    ),
    "llama-k-quants": (
        "llama",
        llama(max_position_embeddings=131072, rope_theta=500000.0, head_dim=32,
              rope_scaling={"factor": 8.0, **LLAMA3_ROPE}, tie_word_embeddings=True,
              **sizes(4, 1, 32, hidden=256, intermediate=256)),
        {"norm": Type.F32, "token_embd": Type.Q6_K, "attn_q": Type.Q4_K, "attn_k": Type.Q4_K,
         "attn_v": Type.Q6_K, "attn_output": Type.Q5_0, "ffn_gate": Type.Q2_K,
         "ffn_up": Type.Q3_K, "blk.0.ffn_down": Type.Q5_K, "": Type.Q3_K},
        [24, 9],
    ),
    "qwen2-f16": (
        "qwen2",
        qwen2(**sizes(7, 1, 8)),
        {"norm": Type.F32, "bias": Type.F32, "token_embd": Type.BF16, "": Type.F16},
        [24, 9],
    ),
    "glm-4-f16": (
        "chatglm",
        GLM,
        {"norm": Type.F32, "bias": Type.F32, "": Type.F16},
        [24, 9],
    ),
}


def gguf_name(name):
    stem, suffix = name.rsplit(".", 1)
    if stem in TOP_NAMES:
        return f"{TOP_NAMES[stem]}.{suffix}"
    _, _, layer, part = stem.split(".", 3)
    return f"blk.{layer}.{LAYER_NAMES[part]}.{suffix}"


def interleave_halves(values, heads):
    """Rows (i, i + half) of each head become neighbours, as llama.cpp's converter has them."""
    shape = values.shape
    return values.reshape(heads, 2, -1, *shape[1:]).swapaxes(1, 2).reshape(shape)


def separate_halves(values, heads):
    shape = values.shape
    return values.reshape(heads, -1, 2, *shape[1:]).swapaxes(1, 2).reshape(shape)


def random_k_quant(shape, kind, random, deviation):
    """Random blocks: the gguf package decodes K-quants, but does not encode them."""
    block, size = gguf.GGML_QUANT_SIZES[kind]
    data = random.integers(0, 256, (shape[0], shape[1] // block, size), dtype=np.uint8)
    # Where the block's half-precision scales lie, see ggml-quants.
    scales = {Type.Q2_K: (80, 82), Type.Q3_K: (108,), Type.Q4_K: (0, 2), Type.Q5_K: (0, 2),
              Type.Q6_K: (208,)}[kind]
    # With a scale of one, the spread of such blocks; the first offset is d, the second dmin.
    for i, offset in enumerate(scales):
        unit = {Type.Q2_K: (1.0, 0.2), Type.Q3_K: (1.0,), Type.Q4_K: (1.0, 7.5),
                Type.Q5_K: (1.0, 15.5), Type.Q6_K: (1.0,)}[kind][i]
        values = np.full(data.shape[:2], unit, dtype=np.float16)
        data[:, :, offset : offset + 2] = values[..., None].view(np.uint8)
    data = data.reshape(shape[0], -1)
    spread = gguf.dequantize(data, kind).std()
    for i, offset in enumerate(scales):
        view = data.reshape(shape[0], -1, size)
        half = view[:, :, offset : offset + 2].copy().view(np.float16)
        half = (half.astype(np.float32) * deviation / spread).astype(np.float16)
        view[:, :, offset : offset + 2] = half.view(np.uint8)
    return data


def rope_divisors(config):
    """rope_freqs.weight: what llama3 scaling divides each frequency by."""
    rope = config["rope_scaling"]
    original = rope["original_max_position_embeddings"]
    low, high, factor = rope["low_freq_factor"], rope["high_freq_factor"], rope["factor"]
    dim, out = config["head_dim"], []
    for i in range(0, dim, 2):
        wavelength = 2 * math.pi * config["rope_theta"] ** (i / dim)
        if wavelength < original / high:
            out.append(1.0)
        elif wavelength > original / low:
            out.append(factor)
        else:
            smooth = (original / wavelength - low) / (high - low)
            out.append(1 / ((1 - smooth) / factor + smooth))
    return np.array(out, dtype=np.float32)


def add_metadata(writer, architecture, config):
    heads = config["num_attention_heads"]
    head_dim = config.get("head_dim", config["hidden_size"] // heads)
    writer.add_name("random")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(config.get("rope_theta", 10000.0))
    if head_dim * heads != config["hidden_size"]:
        writer.add_key_length(head_dim)
        writer.add_value_length(head_dim)
    writer.add_rope_dimension_count(head_dim // 2 if architecture == "chatglm" else head_dim)
    eos = config["eos_token_id"]
    writer.add_eos_token_id(eos[0] if isinstance(eos, list) else eos)


def encode(name, values, kind, random):
    """The bytes of a tensor, and the values that they stand for."""
    if kind in (Type.Q2_K, Type.Q3_K, Type.Q4_K, Type.Q5_K, Type.Q6_K):
        data = random_k_quant(values.shape, kind, random, values.std())
    else:
        data = gguf.quantize(values, kind)
    return data, gguf.dequantize(data, kind).astype(np.float32)


def make(name):
    architecture, config, types, lengths = FILES[name]
    random = np.random.default_rng(zlib.crc32(name.encode()))
    with tempfile.TemporaryDirectory() as directory:
        oracle.write_json(Path(directory) / "config.json", config)
        model = oracle.build(directory)
    oracle.randomize(model, random, torch.float32)

    writer = gguf.GGUFWriter(str(oracle.HERE / f"{name}.gguf"), architecture)
    add_metadata(writer, architecture, config)
    if config.get("rope_scaling"):
        writer.add_tensor("rope_freqs.weight", rope_divisors(config))
    permuted = {"attn_q": config["num_attention_heads"], "attn_k": config["num_key_value_heads"]}
    for hf_name, parameter in model.named_parameters():
        new = gguf_name(hf_name)
        kind = next(t for key, t in types.items() if key in new)
        heads = permuted.get(new.split(".")[-2]) if architecture == "llama" else None
        values = parameter.detach().numpy()
        if heads:
            values = interleave_halves(values, heads)
        data, decoded = encode(new, np.ascontiguousarray(values), kind, random)
        writer.add_tensor(new, data, raw_dtype=kind)
        if heads:
            decoded = separate_halves(decoded, heads)
        with torch.no_grad():
            parameter.copy_(torch.from_numpy(np.ascontiguousarray(decoded)))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    oracle.write_expected(name, model, lengths, random)


if __name__ == "__main__":
    for file_name in FILES:
        make(file_name)
