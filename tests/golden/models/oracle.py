"""What the scripts of this folder share: random weights, and what transformers computes with them."""

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM, DynamicCache

HERE = Path(__file__).parent
NEW_TOKENS = 64
# A greedy token counts as well defined when no other comes this near.
MIN_MARGIN = 4e-3
MIN_DISTINCT = 20

torch.manual_seed(0)
torch.set_num_threads(2)


def build(config_dir: Path):
    """The model of config.json in float32 with plain ("eager") attention."""
    config = AutoConfig.from_pretrained(config_dir)
    model = AutoModelForCausalLM.from_config(
        config, attn_implementation="eager", dtype=torch.float32
    )
    return model.eval()


def randomize(model, random: np.random.Generator, dtype: torch.dtype) -> None:
    """Weights that `dtype` holds exactly, large enough for the context to decide the next token."""
    tied = model.config.tie_word_embeddings
    for name, parameter in model.named_parameters():
        shape = tuple(parameter.shape)
        if name.endswith("norm.weight"):
            values = 1 + 0.1 * random.standard_normal(shape)
        elif name.endswith(".bias"):
            values = 0.3 * random.standard_normal(shape)
        elif "embed" in name:
            values = random.standard_normal(shape) * (0.35 if tied else 1.0)
        elif "lm_head" in name:
            values = random.standard_normal(shape) * 3 / np.sqrt(shape[1])
        else:
            values = random.standard_normal(shape) * 1.8 / np.sqrt(shape[1])
        with torch.no_grad():
            parameter.copy_(torch.from_numpy(values).to(dtype).float())


def forget_lengths(model) -> None:
    """With dynamic NTK, transformers keeps the frequencies of the longest sequence it has seen; a
    sequence within the original length makes it forget them."""
    model(torch.tensor([[0]]), use_cache=False)


@torch.no_grad()
def prefill(model, prompt):
    forget_lengths(model)
    return model(torch.tensor([prompt]), use_cache=False).logits[0]


@torch.no_grad()
def greedy(model, prompt, count=NEW_TOKENS):
    """`count` tokens, and the smallest distance between the first and the second choice."""
    forget_lengths(model)
    cache = DynamicCache(config=model.config)
    ids = torch.tensor([prompt])
    tokens, margin = [], float("inf")
    for _ in range(count):
        best = torch.topk(model(ids, past_key_values=cache, use_cache=True).logits[0, -1], 2)
        margin = min(margin, (best.values[0] - best.values[1]).item())
        tokens.append(best.indices[0].item())
        ids = best.indices[:1].reshape(1, 1)
    return tokens, margin


def well_defined_prompt(model, length: int, random: np.random.Generator):
    """A random prompt whose 64 greedy tokens are varied and nowhere nearly a tie."""
    vocab = model.config.vocab_size
    for _ in range(400):
        prompt = [int(t) for t in random.integers(3, vocab, length)]
        tokens, margin = greedy(model, prompt)
        if margin >= MIN_MARGIN and len(set(tokens)) >= MIN_DISTINCT:
            return prompt, tokens, margin
    raise SystemExit(f"no well-defined prompt of {length} tokens; change the seed")


def write_expected(name: str, model, lengths, random: np.random.Generator) -> None:
    """expected/NAME.safetensors: prompt.N, logits.N and tokens.N for each length."""
    tensors = {}
    for i, length in enumerate(lengths):
        prompt, tokens, margin = well_defined_prompt(model, length, random)
        tensors[f"prompt.{i}"] = torch.tensor(prompt, dtype=torch.int32)
        tensors[f"tokens.{i}"] = torch.tensor(tokens, dtype=torch.int32)
        tensors[f"logits.{i}"] = prefill(model, prompt).contiguous()
        print(f"{name}: {length} tokens, {len(set(tokens))} distinct, margin {margin:.4f}")
    (HERE / "expected").mkdir(exist_ok=True)
    save_file(tensors, HERE / "expected" / f"{name}.safetensors")


def write_json(path: Path, value) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n")


def write_weights(directory: Path, tensors: dict, shard_bytes: int = 0) -> None:
    """model.safetensors, or shards of about `shard_bytes` with their index."""
    for old in directory.glob("*.safetensors*"):
        old.unlink()
    metadata = {"format": "pt"}
    if not shard_bytes:
        save_file(tensors, directory / "model.safetensors", metadata=metadata)
        return
    shards, size = [{}], 0
    for name, tensor in tensors.items():
        if size and size + tensor.nbytes > shard_bytes:
            shards.append({})
            size = 0
        shards[-1][name] = tensor
        size += tensor.nbytes
    weight_map = {}
    for i, shard in enumerate(shards, start=1):
        file = f"model-{i:05}-of-{len(shards):05}.safetensors"
        save_file(shard, directory / file, metadata=metadata)
        weight_map.update({name: file for name in shard})
    total = sum(t.nbytes for t in tensors.values())
    write_json(
        directory / "model.safetensors.index.json",
        {"metadata": {"total_size": total}, "weight_map": dict(sorted(weight_map.items()))},
    )
