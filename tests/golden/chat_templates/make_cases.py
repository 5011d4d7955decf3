#!/usr/bin/env python3
"""Writes what Python's jinja2 renders, for chat_template_golden_test.cc to compare with.

    python3 make_cases.py           (needs Jinja2, see ../../requirements.txt)

cases.json: conversations under the chat templates of real models. made_up.json: the templates of
found.jsonl, which once came out differently, and some hundreds that fuzz_templates.py makes up.
"""

import itertools
import json
import pathlib

import fuzz_templates
import oracle

HERE = pathlib.Path(__file__).parent

TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a place, \"as it is\" now.",
        "parameters": {
            "type": "object",
            "properties": {
                "place": {"type": "string", "description": "A town <and> its country"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"], "default": "celsius"},
                "days": {"type": ["integer", "null"], "minimum": 1, "maximum": 1e3},
                "where": {"type": "object", "properties": {"lat": {"type": "number"}}, "required": ["lat"]},
                "tags": {"type": "array", "items": {"type": "string"}},
            },
            "required": ["place"],
        },
        "return": {"type": "string"},
    },
}
ADD = {
    "type": "function",
    "function": {"name": "add", "description": "Adds.", "parameters": {"type": "object", "properties": {}}},
}


def call(name, arguments, number):
    return {"id": f"call{number:05d}", "type": "function", "function": {"name": name, "arguments": arguments}}


def user(text):
    return {"role": "user", "content": text}


def assistant(text, **more):
    return {"role": "assistant", "content": text, **more}


def system(text):
    return {"role": "system", "content": text}


ODD = "Grüße, 世界! \u202eabc\u202c 👩‍👩‍👧 a\u0301 \ufeff\u00a0| tab\there \\n {{ x }} {% y %} <|im_end|> 'quoted' \"too\"\x7f\u2028."

CONVERSATIONS = {
    "one": {"messages": [user("Hello!")]},
    "system": {"messages": [system("You are terse.\nVery."), user("Hello!")]},
    "turns": {"messages": [system(" Be kind. "), user("Hi"), assistant(" Hello, you. "), user("And?\n"),
                           assistant("Nothing."), user("Bye")]},
    "no system, turns": {"messages": [user("1"), assistant("2"), user("3"), assistant("4")]},
    "empty": {"messages": []},
    "empty texts": {"messages": [system(""), user(""), assistant(""), user("")]},
    "odd text": {"messages": [system(ODD), user(ODD), assistant(ODD), user("x")]},
    "two users": {"messages": [user("a"), user("b")]},
    "unknown role": {"messages": [{"role": "critic", "content": "bad"}, user("a")]},
    "null content": {"messages": [user("a"), assistant(None), user("b")]},
    "no content": {"messages": [user("a"), {"role": "assistant"}, user("b")]},
    "parts": {"messages": [user([{"type": "text", "text": "What is"}, {"type": "text", "text": "this?"}])]},
    "image": {"messages": [user([{"type": "image"}, {"type": "text", "text": "What is this?"}])]},
    "tools offered": {"messages": [user("Weather?")], "tools": [WEATHER, ADD]},
    "tools and system": {"messages": [system("Use tools."), user("Weather?")], "tools": [WEATHER]},
    "tool turn": {"messages": [
        user("Weather in Oslo?"),
        assistant("", tool_calls=[call("get_weather", {"place": "Oslo", "days": 2}, 1)]),
        {"role": "tool", "tool_call_id": "call00001", "name": "get_weather", "content": "{\"t\": -3.5}"},
        assistant("Cold."), user("Thanks"),
    ], "tools": [WEATHER]},
    "tool call, arguments as text": {"messages": [
        user("Weather in Oslo?"),
        assistant(None, tool_calls=[call("get_weather", "{\"place\": \"Oslo\"}", 1)]),
        {"role": "tool", "tool_call_id": "call00001", "name": "get_weather", "content": "-3"},
    ], "tools": [WEATHER]},
    "two tool calls": {"messages": [
        system("Use tools."), user("Both?"),
        assistant(None, tool_calls=[call("get_weather", {"place": "Ås"}, 1), call("add", {"a": [1, 2.5, None, True]}, 2)]),
        {"role": "tool", "tool_call_id": "call00001", "name": "get_weather", "content": "sun"},
        {"role": "tool", "tool_call_id": "call00002", "name": "add", "content": "4"},
        assistant("Sun and 4."), user("Good"),
    ], "tools": [WEATHER, ADD]},
    "tool call without tools": {"messages": [
        user("?"), assistant("Let me see.", tool_calls=[call("add", {}, 7)]),
        {"role": "tool", "tool_call_id": "call00007", "name": "add", "content": "0"},
    ]},
    "reasoning": {"messages": [
        user("1+1?"), assistant("2", reasoning_content="One and one\nis two."), user("Sure?"),
        assistant("Yes", thinking="Still two."), user("Why?"),
    ]},
    "reasoning last": {"messages": [user("1+1?"), assistant("2", reasoning="Easy.")]},
    "think tags": {"messages": [
        user("1+1?"), assistant("<think>\nhm\n</think>\n\n2"), user("Sure?"),
        assistant("<think></think>Yes"), user("Why?"), assistant("<think>no end"), user("?"),
    ]},
    "reasoning and tools": {"messages": [
        user("Weather?"),
        assistant("", reasoning_content="Ask the tool.", tool_calls=[call("get_weather", {"place": "X"}, 1)]),
        {"role": "tool", "tool_call_id": "call00001", "name": "get_weather", "content": "rain"},
        assistant("Rain.", reasoning_content="It said rain."),
    ], "tools": [WEATHER]},
    "thinking off": {"messages": [user("Quick!")], "kwargs": {"enable_thinking": False}},
    "thinking on": {"messages": [user("Slow!")], "kwargs": {"enable_thinking": True, "reasoning_effort": "high"}},
    "documents": {"messages": [user("What do they say?")],
                  "documents": [{"title": "A", "text": "It says a."}, {"title": "B", "text": "It says b."}]},
    "tools in a message": {"messages": [{"role": "system", "content": None, "tools": [WEATHER, {"type": "python"},
                                         {"type": "simple_browser"}, {"type": "cogview"}]},
                                        user("Draw."), {"role": "assistant", "metadata": "cogview", "content": "a cat"}]},
    "llama options": {"messages": [user("Hi")], "tools": [ADD],
                      "kwargs": {"tools_in_user_message": False, "date_string": "1 Jan 2000",
                                 "builtin_tools": ["brave_search", "code_interpreter"]}},
}


MADE_UP = 400
MAX_MADE_UP = 400  # characters


def real_templates(env):
    conversations, cases = [], []
    for name, fields in CONVERSATIONS.items():
        for prompt in (True, False):
            conversations.append({
                "name": name + (", prompt" if prompt else ""), "messages": fields["messages"],
                "tools": fields.get("tools"), "documents": fields.get("documents"),
                "kwargs": fields.get("kwargs", {}), "add_generation_prompt": prompt})
    for path in sorted((HERE / "templates").glob("*.jinja")):
        results = []
        for chat in conversations:
            try:
                results.append(oracle.render_chat(env, path.read_text(), dict(chat, tokens=TOKENS)))
            except Exception:  # what the template refuses, or what Python fails on
                results.append(None)
        cases.append({"template": path.name, "rendered": results})
    return {"tokens": TOKENS, "conversations": conversations, "cases": cases}


def made_up_templates(env):
    found = [json.loads(line) for line in (HERE / "found.jsonl").read_text().splitlines()]
    made_up = (fuzz_templates.Maker(seed).template() for seed in itertools.count())
    cases = []
    for template in itertools.chain(found, (t for t in made_up if len(t) <= MAX_MADE_UP)):
        text, comparable = fuzz_templates.expected(env, template)
        if comparable and (text is not None or template in found):
            cases.append({"template": template, "rendered": text})
        if len(cases) == MADE_UP:
            break
    return {"context": fuzz_templates.CONTEXT, "cases": cases}


def main():
    env = oracle.environment()
    for name, golden in (("cases.json", real_templates(env)), ("made_up.json", made_up_templates(env))):
        (HERE / name).write_text(json.dumps(golden, indent=0) + "\n")


if __name__ == "__main__":
    main()
