"""The corpus that tokenizers are compared on: some 6 MB, the same on every run of one machine.

Real languages come from the message catalogues of the package pycountry (country, language and
currency names), code from Python's own standard library. The rest is made up: words of 24 scripts,
emoji, control characters, bytes that are not UTF-8, and repeats.
"""

import gettext
import random
import sysconfig
import unicodedata
from pathlib import Path

# First and last characters of letters; the marks between them come along.
SCRIPTS = {
    "latin": (0x41, 0x24F), "greek": (0x386, 0x3FF), "cyrillic": (0x400, 0x4FF),
    "armenian": (0x531, 0x587), "hebrew": (0x5D0, 0x5EA), "arabic": (0x620, 0x64A),
    "syriac": (0x710, 0x74A), "devanagari": (0x900, 0x963), "bengali": (0x980, 0x9E3),
    "gurmukhi": (0xA01, 0xA5E), "gujarati": (0xA81, 0xAE3), "tamil": (0xB82, 0xBD7),
    "telugu": (0xC00, 0xC63), "kannada": (0xC80, 0xCE3), "malayalam": (0xD00, 0xD63),
    "sinhala": (0xD81, 0xDDF), "thai": (0xE01, 0xE4E), "lao": (0xE81, 0xEDF),
    "tibetan": (0xF40, 0xFBC), "burmese": (0x1000, 0x109D), "georgian": (0x10D0, 0x10FF),
    "ethiopic": (0x1200, 0x135A), "khmer": (0x1780, 0x17D3), "mongolian": (0x1820, 0x1878),
    "kana": (0x3041, 0x30FE), "hangul": (0xAC00, 0xD7A3), "han": (0x4E00, 0x9FA5),
    "fullwidth": (0xFF01, 0xFF5E), "deseret": (0x10400, 0x1044F), "math": (0x1D400, 0x1D7FF),
}  # fmt: skip

SPACES = " " * 12 + "\n\n\t\r\u00a0\u1680\u180e\u2003\u2028\u202f\u205f\u3000\x0b\x0c\x85\u200b\ufeff"
PUNCTUATION = ".,;:!?'\"()[]{}<>-_/\\|@#$%^&*+=~`«»“”‘’…—–·。、！？「」،؟।॥§¶©®™€£¥°±×÷∑√∞≈≠"
DIGITS = "0123456789" * 4 + "٠١٢٣४५६๗๘๙０１２½¾²³①②Ⅳ"
EMOJI = ["😀", "🎉", "👍🏽", "👩‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪", "🇯🇵", "1️⃣", "❤️", "☃", "✈️", "🧑🏿‍🚀", "\U0001fae0", "🫱🏻‍🫲🏿"]
CONTRACTIONS = ["I'm", "don't", "we'LL", "it'S", "they'Ve", "he'd", "you're", "'tis", "o'clock", "'\u017f", "K'ELVIN"]


def catalogue_texts(limit_per_language):
    """One text per language of pycountry's catalogues: its translations, a few to a line."""
    import pycountry

    folder = Path(pycountry.__file__).parent / "locales"
    for language in sorted(path.name for path in folder.iterdir() if path.is_dir()):
        lines, size = [], 0
        for path in sorted(folder.glob(f"{language}/LC_MESSAGES/*.mo")):
            with path.open("rb") as file:
                messages = gettext.GNUTranslations(file)._catalog
            names = [text for key, text in sorted(messages.items(), key=str) if key and isinstance(text, str)]
            for i in range(0, len(names), 7):
                line = ", ".join(names[i : i + 7])
                size += len(line.encode())
                if size > limit_per_language:
                    break
                lines.append(line)
        if lines:
            yield ".\n".join(lines)


def source_texts(limit):
    size = 0
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
        text = path.read_bytes().decode("utf-8", "replace")[:60_000]
        size += len(text.encode())
        if size > limit:
            return
        yield text


def is_old(code):
    """Assigned in Unicode 3.2: the libraries that are compared use tables of different versions."""
    return unicodedata.ucd_3_2_0.category(chr(code)) not in ("Cn", "Co", "Cs")


def letters(first, last):
    codes = [c for c in range(first, last + 1) if is_old(c) and unicodedata.category(chr(c))[0] in "LM"]
    return [chr(c) for c in codes]


def made_up_text(rng, alphabet, words):
    parts = []
    for _ in range(words):
        kind = rng.random()
        if kind < 0.75:
            word = "".join(rng.choices(alphabet, k=rng.choice((1, 2, 3, 4, 5, 6, 7, 9, 14))))
            parts.append(word.upper() if rng.random() < 0.05 else word)
        elif kind < 0.85:
            parts.append("".join(rng.choices(DIGITS, k=rng.randint(1, 9))))
        elif kind < 0.95:
            parts.append("".join(rng.choices(PUNCTUATION, k=rng.randint(1, 4))))
        else:
            parts.append(rng.choice(CONTRACTIONS))
        if rng.random() < 0.85:
            parts.append(rng.choice(SPACES) * rng.choice((1, 1, 1, 1, 1, 2, 3, 8)))
    return "".join(parts)


def random_characters(rng, count):
    """Any assigned characters at all, in any order."""
    assigned = list(filter(is_old, range(0x20000)))
    return "".join(chr(rng.choice(assigned)) for _ in range(count))


def broken_bytes(rng):
    """UTF-8 with bytes changed, cut out and put in; characters that this makes by chance are old ones."""
    while True:
        data = break_some(rng)
        if all(map(is_old, map(ord, data.decode("utf-8", "replace").replace("🎉", "")))):
            return data


def break_some(rng):
    data = bytearray("naïve 你好 🎉 Привет สวัสดี ".encode() * rng.randint(1, 6))
    for _ in range(rng.randint(1, 12)):
        at = rng.randrange(len(data))
        change = rng.random()
        if change < 0.4:
            data[at] = rng.randrange(256)
        elif change < 0.7:
            del data[at : at + rng.randint(1, 3)]
        else:
            data[at:at] = bytes(rng.choices((0x80, 0xBF, 0xC0, 0xE0, 0xED, 0xF0, 0xF4, 0xF8, 0xFF), k=2))
    return bytes(data)


def repeats(scale):
    for unit in ("a", " ", "\n", "0", "!", "é", "你", "🎉", "\u0301", "\t", "\x00", "ab", "'s", "<|", "\r\n", " a", "e ", "▁"):
        yield unit * (scale // len(unit.encode()))
    yield " " * scale + "x"
    yield "x" + " " * scale
    yield "".join(" " * (i % 40) + "y" for i in range(scale // 20))


def tricky():
    """Short texts with an edge each."""
    yield from ("", " ", "  ", "\n", "a", "a ", " a", "\u00a0", "\ufeffa", "\x00", "▁", "▁▁a", "Ġ", "<0x0A>", "�")
    yield from CONTRACTIONS
    yield from EMOJI
    yield "".join(EMOJI)
    yield "".join(chr(c) for c in range(32)) + "\x7f\x80\x85\x9f"
    yield "e\u0301 é ﬁ Å Å ½ ① ｱ 가 각 ẛ̣"
    yield "Ａ\u3000Ｂ  ﬀ\u2003x\u2009y\u200bz\u200d\u2060"
    yield "İstanbul ΣΊΣΥΦΟΣ ΌΔΟΣ straße DŽ"
    yield "12 123 1234 12345 1,234.5 ١٢٣٤٥ ३४५६ 0x1F 1e-9"
    yield "don't DON'T can’t I'lls 'S"
    yield "if (x == 1) {\n\treturn -1;  // no\n}\r\n\r\n\n  \n"
    yield "a\n\n\n b\n \n\n c   \n   d\t\t\te"
    yield "https://example.com/a?b=c&d=%20#e user@host.example"


def documents(scale=1):
    """The whole corpus as bytes; scale > 1 makes every part smaller by that factor."""
    rng = random.Random(20261122)
    docs = [text.encode() for text in tricky()]
    docs += [text.encode() for text in catalogue_texts(36_000 // scale)]
    docs += [text.encode() for text in source_texts(1_200_000 // scale)]
    for first, last in SCRIPTS.values():
        alphabet = letters(first, last) or [chr(c) for c in range(first, last + 1)]
        docs += [made_up_text(rng, alphabet, 160).encode() for _ in range(max(1, 12 // scale))]
    docs += [random_characters(rng, 400).encode() for _ in range(max(1, 150 // scale))]
    docs += ["".join(rng.choices(EMOJI + [" ", "ok "], k=50)).encode() for _ in range(max(1, 20 // scale))]
    docs += [broken_bytes(rng) for _ in range(max(1, 400 // scale))]
    docs += [text.encode() for text in repeats(20_000 // scale)]
    return docs


if __name__ == "__main__":
    everything = documents()
    print(f"{len(everything)} documents, {sum(map(len, everything)) / 1e6:.2f} MB")
