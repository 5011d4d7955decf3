"""`chitu run --input`: OpenAI's batch format in and out."""

import json

from conftest import assert_error


def line(custom_id, url, body):
    return json.dumps({"custom_id": custom_id, "method": "POST", "url": url, "body": body})


def run_batch(chitu, tmp_path, lines, *words):
    (tmp_path / "requests.jsonl").write_text("\n".join(lines) + "\n")
    result = chitu.tiny("run", "--input", tmp_path / "requests.jsonl", "--output",
                        tmp_path / "out.jsonl", *words)
    return result, [json.loads(text) for text in (tmp_path / "out.jsonl").read_text().splitlines()]


def test_a_batch_is_answered_in_order(chitu, tmp_path):
    chat = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 4, "temperature": 0}
    lines = [line(f"chat-{i}", "/v1/chat/completions", chat) for i in range(20)]
    lines.append("")
    lines.append(line("text", "/v1/completions",
                      {"prompt": ["a", "b"], "max_tokens": 3, "ignore_eos": True, "n": 2}))
    lines.append(line("embedding", "/v1/embeddings", {"input": "a"}))
    result, answers = run_batch(chitu, tmp_path, lines)
    assert result.returncode == 0, result.stderr
    assert [answer["custom_id"] for answer in answers] == [
        *(f"chat-{i}" for i in range(20)), "text", "embedding"]
    assert all(answer["response"]["status_code"] == 200 for answer in answers)
    assert all(answer["error"] is None for answer in answers)
    chats = [answer["response"]["body"] for answer in answers[:20]]
    assert len({chat["choices"][0]["message"]["content"] for chat in chats}) == 1
    assert chats[0]["object"] == "chat.completion"
    text = answers[20]["response"]["body"]
    assert [choice["index"] for choice in text["choices"]] == [0, 1, 2, 3]
    assert text["usage"]["completion_tokens"] == 12
    assert len(answers[21]["response"]["body"]["data"][0]["embedding"]) > 0


def test_a_bad_line_fails_alone(chitu, tmp_path):
    good = line("good", "/v1/completions", {"prompt": "a", "max_tokens": 2})
    result, answers = run_batch(chitu, tmp_path, [
        "{", good, line("n", "/v1/completions", {"prompt": "a", "n": 10**12}),
        line("stop", "/stop", {}), good,
        line("long", "/v1/completions", {"prompt": "a b c " * 20000}),
        line("model", "/v1/completions", {"model": "another", "prompt": "a"})])
    assert_error(result, "5 of 7 requests could not be answered")
    assert [answer["response"]["status_code"] for answer in answers] == [
        400, 200, 400, 400, 200, 400, 404]
    assert answers[0]["custom_id"] is None
    error = answers[2]["response"]["body"]["error"]
    assert error["param"] == "n" and error["type"] == "invalid_request_error"
    assert answers[5]["response"]["body"]["error"]["code"] == "context_length_exceeded"


def test_the_input_has_to_be_there(chitu, tmp_path):
    assert_error(chitu.tiny("run", "--input", tmp_path / "absent"), "absent: cannot be read")
    (tmp_path / "empty").write_text("\n \n")
    assert_error(chitu.tiny("run", "--input", tmp_path / "empty"), "no requests in it")
    (tmp_path / "both").write_text("{}\n")
    result = chitu.tiny("run", "--input", tmp_path / "both", "--output", tmp_path / "both")
    assert result.returncode == 2


def test_an_output_that_cannot_be_written_ends_the_run(chitu, tmp_path):
    # These embeddings are longer than the buffer of a file, a short answer is not.
    for url, body in (("/v1/embeddings", {"input": ["a"] * 100}),
                      ("/v1/completions", {"prompt": "a", "max_tokens": 2})):
        (tmp_path / "requests.jsonl").write_text("\n".join([line("a", url, body)] * 100))
        result = chitu.tiny("run", "--input", tmp_path / "requests.jsonl", "--output", "/dev/full")
        assert_error(result, "/dev/full: cannot be written: No space left on device")
