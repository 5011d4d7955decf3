#!/usr/bin/env python3
"""Writes <format>.bin: random blocks of a number format, and the floats that the "gguf" package
decodes them to (little-endian float32). Needs: pip install gguf numpy.

Every half-precision scale also takes each of the values in SCALES: zeros, subnormals, the largest
finite ones, infinities and NaN; where a block has two scales, the second varies with the first.
"""

import pathlib

import gguf
import numpy as np

SCALES = [0x0000, 0x8000, 0x0001, 0x83FF, 0x0400, 0x7BFF, 0xFBFF, 0x7C00, 0xFC00, 0x7E00, 0x3C00]
RANDOM_BLOCKS = 8

# Byte offsets of the half-precision scales within a block.
SCALE_OFFSETS = {
    "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0],
    "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
}


def quantized_blocks(rng, name, block_bytes):
    offsets = SCALE_OFFSETS[name]
    choices = [(a, b) for i, a in enumerate(SCALES) for b in (SCALES[-1], SCALES[(i + 3) % len(SCALES)])]
    blocks = rng.integers(0, 256, (len(choices) + RANDOM_BLOCKS, block_bytes), dtype=np.uint8)
    for block, scales in zip(blocks, choices):
        for offset, scale in zip(offsets, scales):
            block[offset:offset + 2] = np.array([scale], dtype="<u2").view(np.uint8)
    for block in blocks[len(choices):]:  # ordinary scales
        for offset in offsets:
            block[offset:offset + 2] = rng.normal(0, 0.02, 1).astype("<f2").view(np.uint8)
    return blocks


def plain_values(rng, name):
    bits = {"F32": np.uint32, "F16": np.uint16, "BF16": np.uint16}[name]
    values = rng.integers(0, np.iinfo(bits).max, 1024, dtype=bits, endpoint=True)
    return values.view(np.uint8).reshape(1, -1)


def main():
    here = pathlib.Path(__file__).parent
    rng = np.random.default_rng(20261122)
    for name in ["F32", "F16", "BF16", *SCALE_OFFSETS]:
        qtype = gguf.GGMLQuantizationType[name]
        block_bytes = gguf.GGML_QUANT_SIZES[qtype][1]
        blocks = quantized_blocks(rng, name, block_bytes) if name in SCALE_OFFSETS else plain_values(rng, name)
        with np.errstate(all="ignore"):
            values = gguf.quants.dequantize(blocks, qtype).astype("<f4")
        (here / f"{name.lower()}.bin").write_bytes(blocks.tobytes() + values.tobytes())


if __name__ == "__main__":
    main()
