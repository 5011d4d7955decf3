#!/usr/bin/env python3
"""Makes expected/rope.json: rotary frequencies as transformers computes them.

Each entry is a config.json at its real head size, with `inv_freq` and `attention_factor`.

    pip install torch transformers safetensors numpy
    python3 make_rope.py
"""

import json
import tempfile
from pathlib import Path

from transformers import AutoConfig
from transformers.models.glm.modeling_glm import GlmRotaryEmbedding
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

import oracle

YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}
LLAMA3 = {"rope_type": "llama3", "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 8192}

# name: head size, rope_theta, max_position_embeddings, and further fields
CASES = {
    "llama-2": (128, 10000.0, 4096, {"rope_scaling": None}),
    "llama-3": (128, 500000.0, 8192, {}),
    "smollm2": (64, 100000, 8192, {}),
    "qwen2": (128, 1000000.0, 32768, {}),
    "no-theta": (64, None, 2048, {}),
    "linear": (128, 10000.0, 4096, {"rope_scaling": {"type": "linear", "factor": 4.0}}),
    "dynamic": (128, 10000.0, 4096, {"rope_scaling": {"type": "dynamic", "factor": 2.0}}),
    "llama-3.1": (128, 500000.0, 131072, {"rope_scaling": {"factor": 8.0, **LLAMA3}}),
    "llama-3.2": (64, 500000.0, 131072, {"rope_scaling": {"factor": 32.0, **LLAMA3}}),
    "llama3-without-original": (
        64, 500000.0, 8192,
        {"rope_scaling": {"rope_type": "llama3", "factor": 4.0, "low_freq_factor": 2.0,
                          "high_freq_factor": 3.0}},
    ),
    "qwen2.5-yarn": (
        128, 1000000.0, 32768,
        {"rope_scaling": {"type": "yarn", "factor": 4.0,
                          "original_max_position_embeddings": 32768}},
    ),
    "yarn-betas": (64, 10000.0, 131072,
                   {"rope_scaling": {**YARN, "beta_fast": 24, "beta_slow": 2}}),
    "yarn-untruncated": (64, 150000.0, 131072, {"rope_scaling": {**YARN, "truncate": False}}),
    "yarn-attention-factor": (64, 10000.0, 131072,
                              {"rope_scaling": {**YARN, "attention_factor": 0.75}}),
    "yarn-mscale": (
        64, 10000.0, 163840,
        {"rope_scaling": {"type": "yarn", "factor": 40, "mscale": 1.0, "mscale_all_dim": 0.707,
                          "beta_fast": 32, "beta_slow": 1,
                          "original_max_position_embeddings": 4096}},
    ),
    "yarn-implied-factor": (
        64, 10000.0, 131072,
        {"rope_scaling": {"rope_type": "yarn", "factor": None,
                          "original_max_position_embeddings": 16384}},
    ),
    # The ramp's ends fall together at the first dimension.
    "yarn-no-ramp": (64, 10000.0, 24,
                     {"rope_scaling": {**YARN, "original_max_position_embeddings": 6}}),
    "transformers-5": (
        128, None, 131072,
        {"rope_parameters": {**YARN, "rope_theta": 1000000.0}},
    ),
    "partial": (128, None, 4096,
                {"rope_parameters": {"rope_type": "default", "rope_theta": 10000.0,
                                     "partial_rotary_factor": 0.25}}),
}


def config_of(head_dim, theta, positions, fields):
    config = {
        "architectures": ["GlmForCausalLM" if "partial" in str(fields) else "LlamaForCausalLM"],
        "model_type": "glm" if "partial" in str(fields) else "llama",
        "vocab_size": 256, "hidden_size": 4 * head_dim, "intermediate_size": 256,
        "num_hidden_layers": 1, "num_attention_heads": 4, "num_key_value_heads": 4,
        "head_dim": head_dim, "max_position_embeddings": positions, "eos_token_id": 2,
        "pad_token_id": 2, **fields,
    }
    return config if theta is None else {**config, "rope_theta": theta}


def main():
    entries = []
    for name, case in CASES.items():
        config = config_of(*case)
        with tempfile.TemporaryDirectory() as directory:
            (Path(directory) / "config.json").write_text(json.dumps(config))
            parsed = AutoConfig.from_pretrained(directory)
        glm = config["model_type"] == "glm"
        rotary = (GlmRotaryEmbedding if glm else LlamaRotaryEmbedding)(parsed)
        entries.append({
            "name": name,
            "config": config,
            "inv_freq": rotary.inv_freq.tolist(),
            "attention_factor": float(rotary.attention_scaling),
        })
    path = oracle.HERE / "expected" / "rope.json"
    path.write_text("[\n" + ",\n".join(json.dumps(entry) for entry in entries) + "\n]\n")


if __name__ == "__main__":
    main()
