#!/usr/bin/env python3
"""Makes the tiny checkpoints of this folder and what transformers computes with them.

Each is the published configuration of a real model with every flag kept and every size shrunk
(hidden_size, layers, heads in their ratio, vocabulary; token ids to fit), with random weights.
expected/NAME.safetensors holds prompts, the logits of their prefill and 64 greedy tokens, all
computed in float32 with eager attention.

    pip install torch transformers safetensors numpy
    python3 make_models.py [NAME...]
"""

import contextlib
import sys
import zlib

import numpy as np
import torch
from transformers.models.llama import modeling_llama

import oracle

F32, F16, BF16 = torch.float32, torch.float16, torch.bfloat16
IDS = {"bos_token_id": 1, "eos_token_id": 2}
LLAMA3_ROPE = {
    "high_freq_factor": 4.0,
    "low_freq_factor": 1.0,
    "original_max_position_embeddings": 8192,
    "rope_type": "llama3",
}


def sizes(heads, kv_heads, head_dim, hidden=None, layers=2, intermediate=80):
    return {
        "vocab_size": 256,
        "hidden_size": hidden or heads * head_dim,
        "intermediate_size": intermediate,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
    }


def llama(**changes):
    return {
        "architectures": ["LlamaForCausalLM"],
        "attention_bias": False,
        "hidden_act": "silu",
        "initializer_range": 0.02,
        "max_position_embeddings": 4096,
        "model_type": "llama",
        "pretraining_tp": 1,
        "rms_norm_eps": 1e-05,
        "rope_scaling": None,
        "tie_word_embeddings": False,
        "use_cache": True,
        **IDS,
        **changes,
    }


def mistral(**changes):
    return {
        "architectures": ["MistralForCausalLM"],
        "attention_dropout": 0.0,
        "hidden_act": "silu",
        "max_position_embeddings": 32768,
        "model_type": "mistral",
        "rms_norm_eps": 1e-05,
        "tie_word_embeddings": False,
        **IDS,
        **changes,
    }


def qwen2(**changes):
    return {
        "architectures": ["Qwen2ForCausalLM"],
        "attention_dropout": 0.0,
        "hidden_act": "silu",
        "max_position_embeddings": 32768,
        "max_window_layers": 28,
        "model_type": "qwen2",
        "rms_norm_eps": 1e-06,
        "rope_theta": 1000000.0,
        "sliding_window": 131072,
        "tie_word_embeddings": False,
        "use_sliding_window": False,
        **IDS,
        **changes,
    }


GLM = {
    "architectures": ["GlmForCausalLM"],
    "attention_bias": True,
    "attention_dropout": 0.0,
    "eos_token_id": [2, 5, 7],
    "head_dim": 8,
    "hidden_act": "silu",
    "max_position_embeddings": 131072,
    "model_type": "glm",
    "pad_token_id": 2,
    "rms_norm_eps": 1.5625e-07,
    "rope_theta": 10000.0,
    "tie_word_embeddings": False,
    **sizes(16, 1, 8, hidden=64),
}

# name: configuration, weight dtype, prompt lengths, and what else is special
MODELS = {
    "llama-2-7b-chat": (llama(**sizes(4, 4, 16)), F16, [24, 9], {}),
    "llama-3-8b-instruct": (
        llama(max_position_embeddings=8192, rope_theta=500000.0, **sizes(8, 2, 8)),
        BF16, [24, 9], {"generation": {"eos_token_id": [2, 9]}},
    ),
    "llama-3.1-8b-instruct": (
        llama(max_position_embeddings=131072, rope_theta=500000.0, mlp_bias=False,
              rope_scaling={"factor": 8.0, **LLAMA3_ROPE}, eos_token_id=[2, 8, 9],
              **sizes(4, 1, 16)),
        BF16, [24, 9], {},
    ),
    "llama-3.2-1b-instruct": (
        llama(max_position_embeddings=131072, rope_theta=500000.0, mlp_bias=False, head_dim=16,
              tie_word_embeddings=True, rope_scaling={"factor": 32.0, **LLAMA3_ROPE},
              **sizes(4, 1, 16, layers=3)),
        BF16, [24, 9], {},
    ),
    "smollm2-135m-instruct": (
        llama(max_position_embeddings=8192, rope_theta=100000, tie_word_embeddings=True,
              is_llama_config=True, rope_interleaved=False, **sizes(9, 3, 8)),
        BF16, [24, 9], {},
    ),
    "mistral-7b-v0.1": (
        mistral(rope_theta=10000.0, sliding_window=16, **sizes(4, 1, 16)), BF16, [40, 9], {},
    ),
    "mistral-7b-instruct-v0.3": (
        mistral(rope_theta=1000000.0, sliding_window=None, **sizes(4, 1, 16)), BF16, [24, 9], {},
    ),
    "qwen2-7b-instruct": (qwen2(**sizes(7, 1, 8)), BF16, [24, 9], {"shard_bytes": 70_000}),
    "qwen2.5-0.5b-instruct": (
        qwen2(sliding_window=32768, max_window_layers=21, tie_word_embeddings=True,
              **sizes(14, 2, 4)),
        F32, [24, 9], {},
    ),
    "qwen2.5-7b-instruct-yarn": (
        qwen2(rope_scaling={"factor": 4.0, "original_max_position_embeddings": 32768,
                            "type": "yarn"}, **sizes(4, 1, 16)),
        BF16, [24, 9], {},
    ),
    "qwen2-windowed": (
        qwen2(use_sliding_window=True, sliding_window=12, max_window_layers=1,
              **sizes(4, 1, 16, layers=3)),
        BF16, [40, 9], {},
    ),
    "qwen3-0.6b": (
        {
            "architectures": ["Qwen3ForCausalLM"], "attention_bias": False,
            "attention_dropout": 0.0, "head_dim": 32, "hidden_act": "silu",
            "max_position_embeddings": 40960, "max_window_layers": 28, "model_type": "qwen3",
            "rms_norm_eps": 1e-06, "rope_scaling": None, "rope_theta": 1000000,
            "sliding_window": None, "tie_word_embeddings": True, "use_sliding_window": False,
            **IDS, **sizes(4, 2, 32, hidden=64),
        },
        BF16, [24, 9], {"generation": {"eos_token_id": [2, 3]}},
    ),
    "glm-4-9b-chat-hf": (GLM, BF16, [24, 9], {"shard_bytes": 90_000}),
    "deepseek-r1-distill-qwen-1.5b": (
        qwen2(max_position_embeddings=131072, max_window_layers=21, rope_theta=10000,
              sliding_window=4096, use_mrope=False, **sizes(6, 1, 12)),
        BF16, [24, 9], {},
    ),
    "deepseek-r1-distill-llama-8b": (
        llama(max_position_embeddings=131072, rope_theta=500000.0, mlp_bias=False, head_dim=16,
              rope_scaling={"factor": 8.0, **LLAMA3_ROPE}, **sizes(4, 1, 16)),
        BF16, [24, 9], {},
    ),
    # vicuna-7b-v1.5-16k, written the way transformers 5 writes it
    "linear-rope": (
        llama(rope_parameters={"rope_type": "linear", "factor": 4.0, "rope_theta": 10000.0},
              **sizes(4, 4, 12)),
        F16, [24, 9], {},
    ),
    # Beyond the original length of 32 within the answer, and already in the prompt.
    "dynamic-ntk-rope": (
        llama(max_position_embeddings=32, rope_scaling={"factor": 2.0, "type": "dynamic"},
              **sizes(4, 4, 12)),
        BF16, [24, 40, 9], {},
    ),
    # A llama given Gemma 2's two soft-caps, in transformers by patching (see softcaps()).
    "soft-capped": (
        llama(attn_logit_softcapping=5.0, final_logit_softcapping=4.0, **sizes(4, 2, 12)),
        BF16, [24, 9], {"softcaps": True},
    ),
    # Biases everywhere and another activation.
    "biased-gelu": (
        llama(attention_bias=True, mlp_bias=True, hidden_act="gelu_pytorch_tanh",
              **sizes(4, 2, 12)),
        BF16, [24, 9], {},
    ),
}


@contextlib.contextmanager
def softcaps(model):
    """cap(x) = c tanh(x / c), on attention scores before the mask and on the logits."""
    original = modeling_llama.eager_attention_forward

    def attention(module, query, key, value, attention_mask, scaling, dropout=0.0, **kwargs):
        groups = module.num_key_value_groups
        key = modeling_llama.repeat_kv(key, groups)
        value = modeling_llama.repeat_kv(value, groups)
        cap = model.config.attn_logit_softcapping
        scores = torch.matmul(query, key.transpose(2, 3)) * scaling
        scores = torch.tanh(scores / cap) * cap
        if attention_mask is not None:
            scores = scores + attention_mask
        weights = torch.softmax(scores, dim=-1, dtype=torch.float32)
        return torch.matmul(weights, value).transpose(1, 2).contiguous(), weights

    cap = model.config.final_logit_softcapping
    model.lm_head.register_forward_hook(lambda module, args, out: torch.tanh(out / cap) * cap)
    modeling_llama.eager_attention_forward = attention
    try:
        yield
    finally:
        modeling_llama.eager_attention_forward = original


def chatglm_config(glm):
    """glm-4-9b-chat's original config.json for the same model."""
    return {
        "add_bias_linear": False,
        "add_qkv_bias": True,
        "apply_query_key_layer_scaling": True,
        "apply_residual_connection_post_layernorm": False,
        "architectures": ["ChatGLMModel"],
        "attention_softmax_in_fp32": True,
        "bias_dropout_fusion": True,
        "eos_token_id": glm["eos_token_id"],
        "ffn_hidden_size": glm["intermediate_size"],
        "hidden_size": glm["hidden_size"],
        "kv_channels": glm["head_dim"],
        "layernorm_epsilon": glm["rms_norm_eps"],
        "model_type": "chatglm",
        "multi_query_attention": True,
        "multi_query_group_num": glm["num_key_value_heads"],
        "num_attention_heads": glm["num_attention_heads"],
        "num_layers": glm["num_hidden_layers"],
        "original_rope": True,
        "pad_token_id": glm["eos_token_id"][0],
        "padded_vocab_size": glm["vocab_size"],
        "post_layer_norm": True,
        "rmsnorm": True,
        "rope_ratio": 1,
        "seq_length": glm["max_position_embeddings"],
        "tie_word_embeddings": False,
        "use_cache": True,
        "vocab_size": glm["vocab_size"],
    }


def chatglm_tensors(glm, tensors):
    """The same weights under ChatGLM's names, with q, k and v stacked."""
    names = {
        "model.embed_tokens.weight": "transformer.embedding.word_embeddings.weight",
        "model.norm.weight": "transformer.encoder.final_layernorm.weight",
        "lm_head.weight": "transformer.output_layer.weight",
    }
    out = {new: tensors[old] for old, new in names.items()}
    rotary = glm["head_dim"] // 2
    out["transformer.rotary_pos_emb.inv_freq"] = 1.0 / (
        glm["rope_theta"] ** (torch.arange(0, rotary, 2).float() / rotary)
    )
    for layer in range(glm["num_hidden_layers"]):
        old, new = f"model.layers.{layer}.", f"transformer.encoder.layers.{layer}."
        for suffix in ("weight", "bias"):
            parts = [tensors[f"{old}self_attn.{p}_proj.{suffix}"] for p in "qkv"]
            out[f"{new}self_attention.query_key_value.{suffix}"] = torch.cat(parts)
        for a, b in {
            "input_layernorm": "input_layernorm",
            "self_attn.o_proj": "self_attention.dense",
            "post_attention_layernorm": "post_attention_layernorm",
            "mlp.gate_up_proj": "mlp.dense_h_to_4h",
            "mlp.down_proj": "mlp.dense_4h_to_h",
        }.items():
            out[f"{new}{b}.weight"] = tensors[f"{old}{a}.weight"]
    return out


def stored_tensors(model, dtype):
    tied = model.config.tie_word_embeddings
    return {
        name: value.to(dtype).contiguous()
        for name, value in model.state_dict().items()
        if not (tied and name == "lm_head.weight")
    }


def make(name):
    config, dtype, lengths, special = MODELS[name]
    directory = oracle.HERE / name
    directory.mkdir(exist_ok=True)
    dtype_name = str(dtype).removeprefix("torch.")
    oracle.write_json(directory / "config.json", {**config, "torch_dtype": dtype_name})
    if "generation" in special:
        oracle.write_json(directory / "generation_config.json", special["generation"])

    random = np.random.default_rng(zlib.crc32(name.encode()))
    model = oracle.build(directory)
    oracle.randomize(model, random, dtype)
    tensors = stored_tensors(model, dtype)
    oracle.write_weights(directory, tensors, special.get("shard_bytes", 0))
    with softcaps(model) if "softcaps" in special else contextlib.nullcontext():
        oracle.write_expected(name, model, lengths, random)
    if name == "glm-4-9b-chat-hf":
        original = oracle.HERE / "glm-4-9b-chat"
        original.mkdir(exist_ok=True)
        oracle.write_json(original / "config.json", chatglm_config(config))
        oracle.write_weights(original, chatglm_tensors(config, tensors))


if __name__ == "__main__":
    for model_name in sys.argv[1:] or MODELS:
        make(model_name)
