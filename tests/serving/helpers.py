"""What the tests share."""

import json
import shutil

import openai
from chitu_server import TINY

KEY = "key-of-a-user"
ADMIN_KEY = "key-of-the-administrator"


def openai_client(server, key=None, base_path="/v1"):
    return openai.OpenAI(base_url=server.url + base_path, api_key=key or server.key or "none",
                         max_retries=0, timeout=60)


class ChatText:
    """A stream of a chat, read to its end."""

    def __init__(self, stream):
        self.chunks = list(stream)
        self.texts = {}
        self.finish = {}
        for chunk in self.chunks:
            for choice in chunk.choices:
                piece = choice.delta.content or ""
                self.texts[choice.index] = self.texts.get(choice.index, "") + piece
                if choice.finish_reason:
                    self.finish[choice.index] = choice.finish_reason

    @property
    def text(self):
        return self.texts[0]


def tiny_with_template(folder, template):
    """A copy of the tiny model with another chat template."""
    model = folder / "model"
    shutil.copytree(TINY, model)
    path = model / "tokenizer_config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "chat_template": template}))
    return model


def tokens_of(text):
    """Of an answer that consists of words: each token is a blank and a word."""
    return [" " + word for word in text.split()]


def distinct(answer):
    return len(set(answer.choices[0].message.content.split()))
