#!/usr/bin/env python3
"""Makes the small tokenizers in data/ and the ids that the Python libraries give for data/texts.json.

Each has the normalizer, pre-tokenizer, added tokens and decoder of a real model family and a small
vocabulary, trained here. Needs tokenizers and sentencepiece; src/text/golden_test.cc reads the result.
"""

import io
import json
import random
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

import corpus
from families import DEEPSEEK_CODER, LLAMA3, QWEN2, byte_level, special, split

DATA = Path(__file__).parent / "data"
TEKKEN = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
DEEPSEEK_V3 = [
    r"\p{N}{1,3}",
    r"[一-龥぀-ゟ゠-ヿ]+",
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
    r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
]
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
SPECIAL = ["<s>", "</s>", "<|im_start|>", "<|im_end|>"]
RULES = "ﬁ fi|ﬂ fl|Ａ A|Ｂ B|① 1|½ 1/2|İ i|é e|\u3000  |\u00a0  |e\u0301 e|ẛ\u0323 s"


def training_lines():
    lines = []
    for doc in corpus.documents(scale=16):
        lines += doc.decode("utf-8", "replace")[:4000].split("\n")
    return [line for line in lines if 0 < len(line) < 400]


def texts():
    rng = random.Random(11)
    chosen = list(corpus.tricky())
    docs = [doc.decode("utf-8", "replace") for doc in corpus.documents(scale=16)]
    for doc in rng.sample(docs, 90):
        at = rng.randrange(max(1, len(doc) - 80))
        chosen.append(doc[at : at + rng.randint(5, 80)])
    pieces = [*SPECIAL, "<sep>", "<mask>", "kept", "<", " ", "  ", "\n", "a", " word", "é"]
    chosen += ["".join(rng.choices(pieces, k=rng.randint(2, 9))) for _ in range(40)]
    chosen += [unit * 300 for unit in ("a", " ", "\n", "é", "你", "ab", "<|", "🎉")]
    return chosen


# --- Byte-level BPE -----------------------------------------------------------------------------------


def byte_level_bpe(lines, pre_tokenizer, normalizer=None, **options):
    tokenizer = Tokenizer(models.BPE(**options))
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=1200, show_progress=False, special_tokens=[],
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(lines, trainer)
    special(tokenizer, SPECIAL)
    return tokenizer


def add_bos(tokenizer):
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", tokenizer.token_to_id("<s>"))])


def smollm2(lines):
    digits = pre_tokenizers.Digits(individual_digits=True)
    return byte_level_bpe(lines, pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(add_prefix_space=False)]))


def gpt2(lines):
    tokenizer = byte_level_bpe(lines, pre_tokenizers.ByteLevel(add_prefix_space=True))
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer


def deepseek_v3(lines):
    tokenizer = byte_level_bpe(lines, pre_tokenizers.Sequence([*map(split, DEEPSEEK_V3), byte_level()]),
                               normalizers.Sequence([]))
    tokenizer.add_tokens([AddedToken("<sep>", normalized=False), AddedToken("kept", single_word=True)])
    return tokenizer


def deepseek_coder(lines):
    digits = pre_tokenizers.Digits(individual_digits=True)
    return byte_level_bpe(lines, pre_tokenizers.Sequence([*map(split, DEEPSEEK_CODER), digits, byte_level()]))


def qwen2(lines):
    tokenizer = byte_level_bpe(lines, pre_tokenizers.Sequence([split(QWEN2), byte_level()]), normalizers.NFC())
    tokenizer.add_tokens([AddedToken("<sep>", normalized=False)])
    return tokenizer


def llama3(lines):
    tokenizer = byte_level_bpe(lines, pre_tokenizers.Sequence([split(LLAMA3), byte_level()]), ignore_merges=True)
    add_bos(tokenizer)
    return tokenizer


def mistral_nemo(lines):
    return byte_level_bpe(lines, pre_tokenizers.Sequence([split(TEKKEN), byte_level()]), ignore_merges=True)


# --- BPE with byte fallback ---------------------------------------------------------------------------


def fallback_bpe(lines, normalizer=None, pre_tokenizer=None, **options):
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True, **options))
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="never")
    trainer = trainers.BpeTrainer(vocab_size=1400, show_progress=False, limit_alphabet=400,
                                  special_tokens=["<unk>", *SPECIAL, *BYTES])
    tokenizer.train_from_iterator(lines, trainer)
    file = json.loads(tokenizer.to_str())
    file["added_tokens"] = [token for token in file["added_tokens"] if not token["content"].startswith("<0x")]
    if pre_tokenizer is None:
        file["pre_tokenizer"] = None
    tokenizer = Tokenizer.from_str(json.dumps(file))
    if pre_tokenizer is not None:
        tokenizer.pre_tokenizer = pre_tokenizer
    add_bos(tokenizer)
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    return tokenizer


def llama2(lines):
    return fallback_bpe(lines, normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]))


def mistral(lines):
    pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first", split=False)
    return fallback_bpe(lines, None, pre_tokenizer)


def gemma(lines):
    tokenizer = fallback_bpe(lines, normalizers.Replace(" ", "▁"), pre_tokenizers.Split(" ", "merged_with_previous"))
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_tokens([AddedToken("\n\n", normalized=False), AddedToken("<sep>", normalized=True, rstrip=True)])
    return tokenizer


# --- Other components ---------------------------------------------------------------------------------


def mixed(lines):
    """Normalizers and pre-tokenizers that no family above has; an unknown token; no decoder."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase(), normalizers.Strip()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation("contiguous"), pre_tokenizers.Digits()])
    trainer = trainers.BpeTrainer(vocab_size=900, show_progress=False, limit_alphabet=200, special_tokens=["<unk>"])
    tokenizer.train_from_iterator(lines, trainer)
    special(tokenizer, SPECIAL, lstrip=True, rstrip=True)
    return tokenizer


def splits(lines):
    """Every behaviour of Split, from the left and inverted; white space by words."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), normalizers.NFD()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        split(r"[.,]", "merged_with_previous"), split(r"[(\[]+", "merged_with_next"), split(r"\d", "contiguous"),
        pre_tokenizers.Split(Regex(r"[^-_]+"), "removed", invert=True), pre_tokenizers.Whitespace()])
    trainer = trainers.BpeTrainer(vocab_size=900, show_progress=False, limit_alphabet=200, special_tokens=["<unk>"])
    tokenizer.train_from_iterator(lines, trainer)
    special(tokenizer, SPECIAL)
    return tokenizer


# --- SentencePiece ------------------------------------------------------------------------------------


def rules_file():
    path = DATA / "rules.tsv"
    rows = []
    for rule in RULES.split("|"):
        source, _, target = rule.partition(" ")
        rows.append("\t".join(" ".join(f"{ord(c):X}" for c in side) for side in (source, target)))
    path.write_text("\n".join(rows) + "\n")
    return path


def sentencepiece_model(lines, **options):
    import sentencepiece

    out = io.BytesIO()
    rules = rules_file()
    few_characters = [line for line in lines if all(0x20 <= ord(c) < 0x500 for c in line)]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(few_characters), model_writer=out, character_coverage=0.99, minloglevel=2, num_threads=1,
        user_defined_symbols=["<sep>", "kept"], hard_vocab_limit=False, **options,
        **({} if "normalization_rule_name" in options else {"normalization_rule_tsv": str(rules)}))
    rules.unlink()
    return out.getvalue()


def unigram(lines):
    """T5's and XLM-RoBERTa's settings."""
    from sentencepiece import sentencepiece_model_pb2

    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(sentencepiece_model(lines, model_type="unigram", vocab_size=1600))
    pieces = [(piece.piece, piece.score) for piece in proto.pieces]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=0, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence([
        normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap),
        normalizers.Strip(left=False, right=True), normalizers.Replace(Regex(" {2,}"), "▁")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 2)])
    special(tokenizer, SPECIAL)
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, normalized=False)])
    tokenizer.add_tokens([AddedToken("<sep>", rstrip=True), AddedToken("kept", single_word=True, normalized=True)])
    return tokenizer


SENTENCEPIECE = {
    "sentencepiece_bpe": {"model_type": "bpe", "vocab_size": 1600, "byte_fallback": True,
                          "normalization_rule_name": "identity", "remove_extra_whitespaces": False},
    "sentencepiece_unigram": {"model_type": "unigram", "vocab_size": 1600, "byte_fallback": False},
    "sentencepiece_unigram_bytes": {"model_type": "unigram", "vocab_size": 1700, "byte_fallback": True,
                                    "add_dummy_prefix": False},
}

TOKENIZERS = [smollm2, gpt2, deepseek_v3, deepseek_coder, qwen2, llama3, mistral_nemo, llama2, mistral, gemma, mixed,
              splits, unigram]


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")


def random_ids(size, rng):
    return [[rng.randrange(size) for _ in range(rng.randint(1, 12))] for _ in range(60)]


def golden_of_tokenizer(name, tokenizer, chosen):
    folder = DATA / name
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    golden = {"ids": [e.ids for e in tokenizer.encode_batch(chosen)]}
    golden["decoded"] = [tokenizer.decode(ids, skip_special_tokens=False) for ids in golden["ids"]]
    golden["skipped"] = [tokenizer.decode(ids) for ids in golden["ids"]]
    tokenizer.encode_special_tokens = True
    golden["plain"] = [e.ids for e in tokenizer.encode_batch(chosen, add_special_tokens=False)]
    if name not in ("llama2", "mistral", "gemma"):  # bytes that form no character: see decoder.h
        ids = random_ids(tokenizer.get_vocab_size(), random.Random(5))
        golden["random"] = [[row, tokenizer.decode(row, skip_special_tokens=False)] for row in ids]
    write(folder / "golden.json", golden)


def golden_of_sentencepiece(name, model, chosen):
    from sentencepiece import SentencePieceProcessor

    (DATA / name).mkdir(parents=True, exist_ok=True)
    (DATA / name / "tokenizer.model").write_bytes(model)
    processor = SentencePieceProcessor(model_proto=model)
    golden = {"plain": processor.encode(chosen)}
    # SentencePiece shows unknown pieces as "⁇", as only it does.
    unknown = processor.unk_id()
    golden["plain_decoded"] = [None if unknown in ids else processor.decode(ids) for ids in golden["plain"]]
    write(DATA / name / "golden.json", golden)


def main():
    lines, chosen = training_lines(), texts()
    write(DATA / "texts.json", chosen)
    for build in TOKENIZERS:
        golden_of_tokenizer(build.__name__, build(lines), chosen)
    for name, options in SENTENCEPIECE.items():
        golden_of_sentencepiece(name, sentencepiece_model(lines, **options), chosen)


if __name__ == "__main__":
    main()
