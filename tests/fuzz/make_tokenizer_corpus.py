#!/usr/bin/env python3
"""Writes the seeds of the tokenizer fuzzers: corpus/{tokenizer_json,sentencepiece}/.

They are the small tokenizers of tests/golden/tokenizers/data with most of their vocabulary left out.
Needs the packages sentencepiece and protobuf.
"""

import json
import pathlib

HERE = pathlib.Path(__file__).parent
DATA = HERE.parent / "golden/tokenizers/data"


def small_bpe(model):
    pieces = sorted(model["vocab"], key=model["vocab"].get)
    kept = [p for p in pieces if len(p) == 1][:40] + [p for p in pieces if p.startswith("<0x")][:4] + ["<unk>"]
    merges = [tuple(m) if isinstance(m, list) else tuple(m.split(" ")) for m in model["merges"]]
    chosen = []
    for left, right in merges:
        if left in kept and right in kept and len(chosen) < 20:
            chosen.append([left, right])
            if left + right not in kept:
                kept.append(left + right)
    return {**model, "vocab": {p: i for i, p in enumerate(kept)}, "merges": chosen}


def small_tokenizer(path):
    file = json.loads(path.read_text())
    model = file["model"]
    file["model"] = small_bpe(model) if model["type"] == "BPE" else {**model, "vocab": model["vocab"][:60]}
    size = len(file["model"]["vocab"])
    file["added_tokens"] = [{**t, "id": size + i} for i, t in enumerate(file["added_tokens"][:6])]
    return json.dumps(file, ensure_ascii=False)


def small_model(path):
    from sentencepiece import sentencepiece_model_pb2

    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(path.read_bytes())
    kept = list(proto.pieces[:24]) + list(proto.pieces[300:330])
    del proto.pieces[:]
    proto.pieces.extend(kept)
    proto.trainer_spec.ClearField("input")
    return proto.SerializeToString()


def main():
    for name in ("tokenizer_json", "sentencepiece"):
        (HERE / "corpus" / name).mkdir(parents=True, exist_ok=True)
    for path in sorted(DATA.glob("*/tokenizer.json")):
        (HERE / "corpus/tokenizer_json" / path.parent.name).write_text(small_tokenizer(path))
    for path in sorted(DATA.glob("*/tokenizer.model")):
        (HERE / "corpus/sentencepiece" / path.parent.name).write_bytes(small_model(path))


if __name__ == "__main__":
    main()
