#!/usr/bin/env python3
"""Makes golden.json: what transformers computes with the default model, SmolLM2-135M-Instruct Q4_1.

The weights are dequantized by the gguf package and run in float32. Written are 256 greedy tokens for
each of five chat prompts (beyond an end token too, for length), and the mean negative log likelihood
of text.txt in windows of 512 tokens: a novel and documentation, long enough that the noise of rounding
activations (a standard deviation of 0.13 % over 1,800 tokens) stays well within what is tested.

    pip install torch transformers gguf numpy jinja2 tokenizers
    python3 make_golden.py SmolLM2-135M-Instruct.Q4_1.gguf
"""

import hashlib
import json
import math
import sys
from pathlib import Path

import gguf
import jinja2
import numpy as np
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import DynamicCache, LlamaConfig, LlamaForCausalLM

HERE = Path(__file__).parent
NEW_TOKENS = 256
WINDOW = 512
PROMPTS = [
    "Why is the sky blue? Answer in two sentences.",
    "Write a short story about a fisherman who finds a message in a bottle.",
    "List ten facts about the planet Mars.",
    "Explain how to bake bread at home, step by step.",
    "Write a Python function that returns the n-th Fibonacci number, and explain it.",
]

TENSORS = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def hf_name(name):
    if name == "token_embd.weight":
        return "model.embed_tokens.weight"
    if name == "output_norm.weight":
        return "model.norm.weight"
    _, layer, part, suffix = name.split(".")
    return f"model.layers.{layer}.{TENSORS[part]}.{suffix}"


def separate_halves(values, heads):
    """Undoes what llama.cpp's converter does to q and k: neighbours become halves of a head."""
    return values.reshape(heads, -1, 2, values.shape[1]).swapaxes(1, 2).reshape(values.shape)


def load_model(reader, field):
    config = LlamaConfig(
        vocab_size=field("llama.vocab_size"),
        hidden_size=field("llama.embedding_length"),
        intermediate_size=field("llama.feed_forward_length"),
        num_hidden_layers=field("llama.block_count"),
        num_attention_heads=field("llama.attention.head_count"),
        num_key_value_heads=field("llama.attention.head_count_kv"),
        max_position_embeddings=field("llama.context_length"),
        rms_norm_eps=field("llama.attention.layer_norm_rms_epsilon"),
        rope_theta=field("llama.rope.freq_base"),
        tie_word_embeddings=True,
    )
    heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}
    state = {}
    for tensor in reader.tensors:
        values = gguf.dequantize(tensor.data, tensor.tensor_type)
        part = tensor.name.split(".")[-2]
        if part in heads:
            values = separate_halves(values, heads[part])
        state[hf_name(tensor.name)] = torch.from_numpy(np.ascontiguousarray(values))
    state["lm_head.weight"] = state["model.embed_tokens.weight"]
    model = LlamaForCausalLM._from_config(config, attn_implementation="eager", dtype=torch.float32)
    model.load_state_dict(state)
    return model.eval()


def load_tokenizer(field):
    tokens = field("tokenizer.ggml.tokens")
    merges = [tuple(merge.split(" ")) for merge in field("tokenizer.ggml.merges")]
    tokenizer = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True),
         pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    control = gguf.TokenType.CONTROL
    types = field("tokenizer.ggml.token_type")
    tokenizer.add_special_tokens(
        [AddedToken(t, special=True) for t, kind in zip(tokens, types) if kind == control]
    )
    return tokenizer


@torch.no_grad()
def greedy(model, prompt):
    cache = DynamicCache(config=model.config)
    ids, tokens, margin = torch.tensor([prompt]), [], math.inf
    for _ in range(NEW_TOKENS):
        best = torch.topk(model(ids, past_key_values=cache, use_cache=True).logits[0, -1], 2)
        margin = min(margin, (best.values[0] - best.values[1]).item())
        tokens.append(best.indices[0].item())
        ids = best.indices[:1].reshape(1, 1)
    return tokens, margin


@torch.no_grad()
def mean_nll(model, ids):
    """Of every token but the first of each window, given those before it in the window."""
    total, count = 0.0, 0
    for begin in range(0, len(ids), WINDOW):
        window = torch.tensor(ids[begin : begin + WINDOW])
        logits = model(window[None], use_cache=False).logits[0, :-1].double()
        total += torch.nn.functional.cross_entropy(logits, window[1:], reduction="sum").item()
        count += len(window) - 1
    return total / count


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    path = Path(sys.argv[1])
    reader = gguf.GGUFReader(path)

    def field(key):
        return reader.fields[key].contents()

    torch.set_num_threads(2)
    model = load_model(reader, field)
    tokenizer = load_tokenizer(field)
    template = jinja2.Environment(trim_blocks=True, lstrip_blocks=True).from_string(
        field("tokenizer.chat_template")
    )
    answers = []
    for prompt in PROMPTS:
        messages = [{"role": "user", "content": prompt}]
        text = template.render(messages=messages, add_generation_prompt=True)
        ids = tokenizer.encode(text).ids
        tokens, margin = greedy(model, ids)
        print(f"margin {margin:.5f}: {tokenizer.decode(tokens)[:90]!r}")
        answers.append({"text": text, "ids": ids, "tokens": tokens, "margin": margin})
    ids = tokenizer.encode((HERE / "text.txt").read_text()).ids
    nll = mean_nll(model, ids)
    print(f"{len(ids)} tokens, perplexity {math.exp(nll):.4f}")
    golden = {
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "prompts": answers,
        "text": {"window": WINDOW, "mean_nll": nll, "ids": ids},
    }
    (HERE / "golden.json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
