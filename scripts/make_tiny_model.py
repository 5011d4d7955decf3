#!/usr/bin/env python3
"""Makes models/tiny-random: a complete checkpoint of a few hundred kilobytes with random weights.

It answers nonsense, quickly and always the same, which is what tests of everything around a model
need. The same inputs give the same bytes.

    pip install numpy tokenizers safetensors
    python3 scripts/make_tiny_model.py models/tiny-random
"""

import json
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

VOCAB, HIDDEN, INTERMEDIATE, LAYERS, HEADS, KV_HEADS, HEAD_DIM = 512, 64, 160, 2, 4, 2, 16
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]

# Our own words; they decide which pairs of letters become tokens.
TEXT = """
The river begins in the hills as a thin line of water between stones. By the time it reaches the
town it is wide enough for boats, and the children who throw sticks from the bridge have to run to
the other side to see them come out again. In winter the water is the colour of slate; in summer it
is green, and the people say that it is sleeping.

A question is a request for an answer. A program reads the question, splits it into small pieces,
looks each piece up in a table of numbers, and multiplies those numbers by other numbers many times.
At the end there is one number for each piece that could come next. The largest one wins, or a die
is thrown. Then the program does the same thing again, and again, until it says that it is done.

What is the capital of the country? Who was the first person to walk around the lake? How do I bake
bread without an oven? Where are the keys? When does the train leave? Why is the sky blue?

You are a helpful assistant. Please write a short story about a fisherman and the sea. Please list
three reasons to learn a second language. Thank you, that was very helpful. Hello, how are you today?
I am well, thank you for asking. The answer is forty-two. There are seven days in a week and twelve
months in a year, and some of them are longer than others.

def main(arguments):
    for index, value in enumerate(arguments):
        print(index, value)
    return 0

{"name": "value", "numbers": [1, 2, 3, 10, 100, 1000], "nothing": null, "true": false}

Der Fluss beginnt in den Bergen. La rivière commence dans les collines. El río comienza en las
colinas. Река начинается в горах. 河流从山里开始。川は山から始まる。 0 1 2 3 4 5 6 7 8 9
"""

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def make_tokenizer(directory: Path) -> None:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB,
        special_tokens=[AddedToken(token, special=True) for token in SPECIAL],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXT.strip().split("\n"), trainer)
    assert tokenizer.get_vocab_size() == VOCAB
    tokenizer.save(str(directory / "tokenizer.json"))
    write_json(
        directory / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": "<|im_start|>",
            "eos_token": "<|im_end|>",
            "unk_token": "<|endoftext|>",
            "pad_token": "<|im_end|>",
            "add_prefix_space": False,
            "clean_up_tokenization_spaces": False,
            "model_max_length": 2048,
            "chat_template": CHAT_TEMPLATE,
        },
    )


def make_config(directory: Path) -> None:
    write_json(
        directory / "config.json",
        {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "vocab_size": VOCAB,
            "hidden_size": HIDDEN,
            "intermediate_size": INTERMEDIATE,
            "num_hidden_layers": LAYERS,
            "num_attention_heads": HEADS,
            "num_key_value_heads": KV_HEADS,
            "head_dim": HEAD_DIM,
            "hidden_act": "silu",
            "max_position_embeddings": 2048,
            "rms_norm_eps": 1e-05,
            "rope_theta": 10000.0,
            "tie_word_embeddings": False,
            "attention_bias": False,
            "mlp_bias": False,
            "bos_token_id": 1,
            "eos_token_id": 2,
            "pad_token_id": 2,
            "torch_dtype": "bfloat16",
        },
    )
    write_json(
        directory / "generation_config.json",
        {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2},
    )


def to_bf16_bytes(values: np.ndarray) -> np.ndarray:
    """The upper half of each float32, rounded to nearest even."""
    bits = values.astype(np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def make_weights(directory: Path) -> None:
    random = np.random.default_rng(20261122)

    def matrix(out_features: int, in_features: int, gain: float = 1.0) -> np.ndarray:
        return random.standard_normal((out_features, in_features)) * gain / np.sqrt(in_features)

    tensors = {"model.embed_tokens.weight": random.standard_normal((VOCAB, HIDDEN))}
    for layer in range(LAYERS):
        p = f"model.layers.{layer}."
        # Large enough against the embeddings for the context to decide the next token.
        tensors[p + "input_layernorm.weight"] = 1 + 0.1 * random.standard_normal(HIDDEN)
        tensors[p + "self_attn.q_proj.weight"] = matrix(HEADS * HEAD_DIM, HIDDEN, 1.5)
        tensors[p + "self_attn.k_proj.weight"] = matrix(KV_HEADS * HEAD_DIM, HIDDEN, 1.5)
        tensors[p + "self_attn.v_proj.weight"] = matrix(KV_HEADS * HEAD_DIM, HIDDEN, 1.5)
        tensors[p + "self_attn.o_proj.weight"] = matrix(HIDDEN, HEADS * HEAD_DIM, 1.5)
        tensors[p + "post_attention_layernorm.weight"] = 1 + 0.1 * random.standard_normal(HIDDEN)
        tensors[p + "mlp.gate_proj.weight"] = matrix(INTERMEDIATE, HIDDEN, 1.5)
        tensors[p + "mlp.up_proj.weight"] = matrix(INTERMEDIATE, HIDDEN, 1.5)
        tensors[p + "mlp.down_proj.weight"] = matrix(HIDDEN, INTERMEDIATE, 1.5)
    tensors["model.norm.weight"] = 1 + 0.1 * random.standard_normal(HIDDEN)
    tensors["lm_head.weight"] = matrix(VOCAB, HIDDEN, 3.0)
    tensors["lm_head.weight"][: len(SPECIAL)] *= 0.1  # an answer that ends at once tests little
    write_bf16_safetensors(directory / "model.safetensors", tensors)


def write_bf16_safetensors(path: Path, tensors: dict) -> None:
    """numpy has no BF16: write 16-bit integers, then name their type in the header."""
    save_file({k: to_bf16_bytes(v) for k, v in tensors.items()}, path, metadata={"format": "pt"})
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = data[8 : 8 + size].replace(b'"dtype":"U16"', b'"dtype":"BF16"').rstrip(b" ")
    header += b" " * (-len(header) % 8)
    path.write_bytes(len(header).to_bytes(8, "little") + header + data[8 + size :])


def write_json(path: Path, value: dict) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    make_tokenizer(directory)
    make_config(directory)
    make_weights(directory)


if __name__ == "__main__":
    main()
