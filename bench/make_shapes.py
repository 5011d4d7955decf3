#!/usr/bin/env python3
"""Writes GGUF checkpoints of real geometries with random weights, to measure speed with.

    pip install numpy gguf
    python3 bench/make_shapes.py [--into FOLDER] SHAPE-FORMAT ...     e.g. llama-3.2-1b-q4_0
    python3 bench/make_shapes.py --list

Speed depends on shapes and formats, not on what was learned, so no download is needed. What exists
already is left as it is. The tokenizer is of the right size and valid, but no language's: the first
tokens are the bytes, all others pairs and triples of bytes.

Tensors get the formats that llama.cpp's `llama-quantize` gives them (llama_tensor_get_type in its
src/llama-quant.cpp), for these architectures without an importance matrix:

  * norms stay F32;
  * the embedding, which is the output matrix too, is Q6_K in Q4_0 and Q4_K_M, Q8_0 in Q8_0;
  * in Q4_K_M attn_v and ffn_down are Q6_K in the first and last eighth of the layers and in every
    third one between;
  * rows that are no multiple of 256 have no K format: Q5_0 stands for Q4_K and Q8_0 for Q6_K.

Values are close to a normal distribution of standard deviation 0.02. In the quantized formats the
blocks' numbers are uniform random bits and their scales are chosen for that deviation.
"""

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, GGUFWriter, TokenType

Type = GGMLQuantizationType
DEVIATION = 0.02
CHUNK_VALUES = 1 << 24  # made and written at once
CHAT_TEMPLATE = "{% for message in messages %}{{ message['content'] }}{% endfor %}"


@dataclass(frozen=True)
class Shape:
    """The numbers of a model's config.json."""

    arch: str
    hidden: int
    intermediate: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    vocab: int
    context: int
    rope_theta: float
    norm_epsilon: float
    pre_tokenizer: str
    llama3_rope_factor: float = 0
    qk_norm: bool = False


SHAPES = {
    "smollm2-135m": Shape("llama", 576, 1536, 30, 9, 3, 64, 49152, 8192, 1e5, 1e-5, "smollm"),
    "llama-3.2-1b": Shape("llama", 2048, 8192, 16, 32, 8, 64, 128256, 131072, 5e5, 1e-5,
                          "llama-bpe", llama3_rope_factor=32),
    "qwen3-0.6b": Shape("qwen3", 1024, 3072, 28, 16, 8, 128, 151936, 40960, 1e6, 1e-6, "qwen2",
                        qk_norm=True),
}
FORMATS = {"bf16": Type.BF16, "f16": Type.F16, "q8_0": Type.Q8_0, "q4_0": Type.Q4_0,
           "q4_k_m": Type.Q4_K}
FILE_TYPES = {"bf16": 32, "f16": 1, "q8_0": 7, "q4_0": 2, "q4_k_m": 15}  # LLAMA_FTYPE_MOSTLY_*


@dataclass(frozen=True)
class Tensor:
    name: str
    rows: int  # 0: a vector
    cols: int
    type: Type

    @property
    def values(self):
        return max(self.rows, 1) * self.cols

    @property
    def bytes(self):
        values, size = GGML_QUANT_SIZES[self.type]
        return self.values // values * size


def has_more_bits(layer, layers):
    eighth = layers // 8
    return layer < eighth or layer >= 7 * layers // 8 or (layer - eighth) % 3 == 2


def matrix_type(name, layer, cols, form, shape):
    wanted = FORMATS[form]
    if name == "token_embd" and form in ("q4_0", "q4_k_m"):
        wanted = Type.Q6_K
    if form == "q4_k_m" and name in ("attn_v", "ffn_down") and has_more_bits(layer, shape.layers):
        wanted = Type.Q6_K
    if cols % GGML_QUANT_SIZES[wanted][0] != 0:
        wanted = {Type.Q4_K: Type.Q5_0, Type.Q6_K: Type.Q8_0}[wanted]
    return wanted


def tensors(shape, form):
    """All tensors of the file in order."""
    def matrix(name, rows, cols, layer=None):
        full = f"{name}.weight" if layer is None else f"blk.{layer}.{name}.weight"
        return Tensor(full, rows, cols, matrix_type(name, layer, cols, form, shape))

    def norm(name, size):
        return Tensor(f"{name}.weight", 0, size, Type.F32)

    hidden, width, kv = shape.hidden, shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    made = [matrix("token_embd", shape.vocab, hidden), norm("output_norm", hidden)]
    if shape.llama3_rope_factor:
        made.append(norm("rope_freqs", shape.head_dim // 2))
    for i in range(shape.layers):
        made += [norm(f"blk.{i}.attn_norm", hidden),
                 matrix("attn_q", width, hidden, i), matrix("attn_k", kv, hidden, i),
                 matrix("attn_v", kv, hidden, i), matrix("attn_output", hidden, width, i),
                 norm(f"blk.{i}.ffn_norm", hidden),
                 matrix("ffn_gate", shape.intermediate, hidden, i),
                 matrix("ffn_up", shape.intermediate, hidden, i),
                 matrix("ffn_down", hidden, shape.intermediate, i)]
        if shape.qk_norm:
            made += [norm(f"blk.{i}.attn_q_norm", shape.head_dim),
                     norm(f"blk.{i}.attn_k_norm", shape.head_dim)]
    return made


def llama3_rope_factors(shape):
    """What llama.cpp's converter writes for rope_type llama3, with its low and high frequency
    factors 1 and 4 and an original context of 8192 (transformers, _compute_llama3_parameters)."""
    low, high, original = 1.0, 4.0, 8192
    exponents = np.arange(0, shape.head_dim, 2, dtype=np.float64) / shape.head_dim
    wavelengths = 2 * np.pi * shape.rope_theta ** exponents
    smooth = np.clip((original / wavelengths - low) / (high - low), 0, 1)
    return (1 / ((1 - smooth) / shape.llama3_rope_factor + smooth)).astype(np.float32)


def random_blocks(random, kind, count):
    """`count` blocks of a quantized format, as bytes."""
    blocks = random.integers(0, 256, (count, GGML_QUANT_SIZES[kind][1]), dtype=np.uint8)

    def set_scale(at, deviation_of_one):
        scales = random.uniform(0.7, 1.3, count) * (DEVIATION / deviation_of_one)
        blocks[:, at:at + 2] = scales.astype(np.float16).view(np.uint8).reshape(count, 2)
        return scales

    if kind in (Type.Q8_0, Type.Q4_0, Type.Q5_0):
        # Uniform in [-128, 127], [-8, 7], [-16, 15].
        set_scale(0, {Type.Q8_0: 73.9, Type.Q4_0: 4.61, Type.Q5_0: 9.23}[kind])
    elif kind == Type.Q4_K:
        # d * scale * q - dmin * min, scale and min in [0, 63], q in [0, 15]; dmin = 7.5 d makes
        # the mean 0.
        scales = set_scale(0, 257) * 7.5
        blocks[:, 2:4] = scales.astype(np.float16).view(np.uint8).reshape(count, 2)
    elif kind == Type.Q6_K:
        set_scale(208, 1365)  # d * scale * q, scale in [-128, 127], q in [-32, 31]
    else:
        raise AssertionError(kind)
    return blocks


def random_values(random, kind, rows, cols):
    if kind not in (Type.BF16, Type.F16):
        block = GGML_QUANT_SIZES[kind][0]
        return random_blocks(random, kind, rows * cols // block).reshape(rows, -1)
    values = random.standard_normal((rows, cols), dtype=np.float32) * np.float32(DEVIATION)
    if kind == Type.F16:
        return values.astype(np.float16)
    return (values.view(np.uint32) >> 16).astype(np.uint16)  # BF16, cut off


def chunks(random, shape, tensor):
    """The data of a tensor, in pieces of whole rows."""
    if tensor.name == "rope_freqs.weight":
        yield llama3_rope_factors(shape)
    elif tensor.rows == 0:
        yield np.ones(tensor.cols, dtype=np.float32)
    else:
        step = max(1, CHUNK_VALUES // tensor.cols)
        for row in range(0, tensor.rows, step):
            yield random_values(random, tensor.type, min(step, tensor.rows - row), tensor.cols)


def byte_letters():
    """The letters that byte-level BPE writes the 256 bytes as (GPT-2's encoder.py)."""
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(b) if b in kept else chr(next(others)) for b in range(256)]


def vocabulary(size):
    """(tokens, their types, merges): bytes, pairs, triples, and one end token."""
    letters = byte_letters()
    tokens, merges = list(letters), []
    for left in tokens:  # which grows while we read: pairs first, then triples
        for right in letters:
            if len(tokens) == size - 1:
                break
            tokens.append(left + right)
            merges.append(f"{left} {right}")
        else:
            continue
        break
    types = [TokenType.NORMAL] * len(tokens) + [TokenType.CONTROL]
    return [*tokens, "<|end|>"], types, merges


def write_metadata(writer, name, shape, form):
    writer.add_name(name)
    writer.add_file_type(FILE_TYPES[form])
    writer.add_quantization_version(2)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.hidden)
    writer.add_feed_forward_length(shape.intermediate)
    writer.add_block_count(shape.layers)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_key_length(shape.head_dim)
    writer.add_value_length(shape.head_dim)
    writer.add_layer_norm_rms_eps(shape.norm_epsilon)
    writer.add_rope_freq_base(shape.rope_theta)
    writer.add_rope_dimension_count(shape.head_dim)
    writer.add_vocab_size(shape.vocab)
    tokens, types, merges = vocabulary(shape.vocab)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(shape.pre_tokenizer)
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(merges)
    writer.add_bos_token_id(shape.vocab - 1)
    writer.add_eos_token_id(shape.vocab - 1)
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)


def split_name(name):
    """llama-3.2-1b-q4_0 -> (its Shape, "q4_0")"""
    shape, _, form = name.rpartition("-")
    if shape not in SHAPES or form not in FORMATS:
        raise ValueError(f"{name}: expected one of {', '.join(SHAPES)}, then '-', then one of "
                         f"{', '.join(FORMATS)}")
    return SHAPES[shape], form


def make(name, folder):
    """Path of the file, which is written unless it is there."""
    shape, form = split_name(name)
    path = Path(folder) / f"{name}.gguf"
    wanted = tensors(shape, form)
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    writer = GGUFWriter(unfinished, shape.arch)
    write_metadata(writer, name, shape, form)
    for tensor in wanted:
        dims = [tensor.rows, tensor.cols] if tensor.rows else [tensor.cols]
        # The writer has NumPy's types only, so others are named, with the bytes of a row.
        if tensor.type in (Type.F32, Type.F16):
            dtype = {Type.F32: np.float32, Type.F16: np.float16}[tensor.type]
            writer.add_tensor_info(tensor.name, dims, np.dtype(dtype), tensor.bytes)
        else:
            writer.add_tensor_info(tensor.name, [tensor.rows, tensor.bytes // tensor.rows],
                                   np.dtype(np.uint8), tensor.bytes, raw_dtype=tensor.type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    random = np.random.default_rng(1)
    out = writer.fout[0]
    for tensor in wanted:
        writer.write_padding(out, out.tell())
        for piece in chunks(random, shape, tensor):
            out.write(piece.data)
    writer.write_padding(out, out.tell())
    writer.close()
    unfinished.rename(path)
    return path


def cache_folder():
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "chitu-bench"


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--into", type=Path, default=cache_folder() / "shapes", metavar="FOLDER")
    parser.add_argument("--list", action="store_true", help="print every name and size, and end")
    parser.add_argument("names", nargs="*", metavar="SHAPE-FORMAT")
    options = parser.parse_args()
    if options.list:
        for name in (f"{shape}-{form}" for shape in SHAPES for form in FORMATS):
            total = sum(tensor.bytes for tensor in tensors(*split_name(name)))
            print(f"{name:22} {total / 1e6:8.0f} MB")
        return 0
    if not options.names:
        parser.error("name at least one file, as in llama-3.2-1b-q4_0, or --list")
    try:
        for name in options.names:
            print(make(name, options.into))
    except ValueError as error:
        parser.error(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
