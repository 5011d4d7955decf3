"""The least time that a test can take on a machine of given ceilings."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import make_shapes  # noqa: E402

from contestants import parse_test  # noqa: E402

# The units that can multiply a format's weights. Those of 8 bits take quantized activations.
UNITS = {"bf16": ("fp32_", "bf16_", "amx_bf16"), "f16": ("fp32_", "fp16_"),
         "q8_0": ("fp32_", "int8_", "vnni_", "amx_int8"), "q4_0": ("fp32_", "int8_", "vnni_", "amx_int8"),
         "q4_k_m": ("fp32_", "int8_", "vnni_", "amx_int8")}
KV_BYTES = 2  # F16, the default of all contestants


def fastest_unit(ceilings, form):
    units = {name: speed for name, speed in ceilings["arithmetic"].items()
             if name.startswith(UNITS[form])}
    return max(units.items(), key=lambda item: item[1])


def work(model, test):
    """(tokens, bytes read, operations) of a step: a decoding step, or a whole prompt.

    Counted: every weight once, the embedding as the output matrix it also is; the KV cache of the
    tokens before, at the middle of the test; two operations for each weight and token, the output
    matrix only where a token is drawn; four for each head value and token before.
    """
    shape, form = make_shapes.split_name(model)
    prompt, decode, depth, batch = parse_test(test)
    matrices = [t for t in make_shapes.tensors(shape, form) if t.rows]
    head = next(t.values for t in matrices if t.name == "token_embd.weight")
    body = sum(t.values for t in matrices) - head
    weight_bytes = sum(t.bytes for t in matrices)
    attention_width = 4 * shape.layers * shape.heads * shape.head_dim
    if prompt:
        pairs = prompt * (prompt + 1) // 2
        return prompt, weight_bytes, 2 * body * prompt + 2 * head + attention_width * pairs
    context = depth + decode / 2
    kv_bytes = 2 * shape.layers * shape.kv_heads * shape.head_dim * KV_BYTES * context
    return (batch, weight_bytes + batch * kv_bytes,
            batch * (2 * (body + head) + attention_width * context))


def bound(ceilings, model, test):
    """(tokens a second that no program can exceed, what limits them)"""
    tokens, data, operations = work(model, test)
    _, form = make_shapes.split_name(model)
    unit, peak = fastest_unit(ceilings, form)
    bandwidth = ceilings["bandwidth"]["memory"]
    if data / bandwidth > operations / peak:
        return tokens / (data / bandwidth), "memory"
    return tokens / (operations / peak), unit
