"""Every command with the tiny model: what it prints, and its exit code."""

import json
import re
import shutil
import signal

import pytest
from conftest import ROOT, TINY, assert_error

COMMANDS = ["run", "chat", "serve", "bench", "bench serving", "bench latency", "bench throughput", "bench startup",
            "info", "pull", "models", "tokenize", "settings", "version"]


def test_version(chitu):
    for word in ("--version", "version"):
        result = chitu(word)
        assert result.returncode == 0
        assert re.fullmatch(r"chitu \d+\.\d+\.\d+\n", result.stdout)


def test_help_lists_every_command(chitu):
    for words in (["--help"], ["-h"], ["help"]):
        result = chitu(*words)
        assert result.returncode == 0
        for command in COMMANDS:
            assert f"\n  {command} " in result.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(chitu, command):
    name = command.split()
    for words in ([*name, "--help"], [*name, "-h"], ["help", *name]):
        result = chitu(*words)
        assert result.returncode == 0
        assert f"usage: chitu {command}" in result.stdout
        assert result.stderr == ""


def test_no_command_is_a_usage_error(chitu):
    result = chitu()
    assert result.returncode == 2
    assert "usage: chitu COMMAND" in result.stderr


@pytest.mark.parametrize("words, parts", [
    (["rum"], ["unknown command 'rum'", "did you mean 'run'?"]),
    ([""], ["unknown command ''"]),
    (["help", "rum"], ["unknown command 'rum'", "did you mean 'run'?"]),
    (["--help", "rum"], ["unknown command 'rum'"]),
    (["help", "run", "chat"], ["help is of one command at a time"]),
    (["run", "--promt", "x"], ["unknown option --promt", "did you mean --prompt?"]),
    (["run", "--prompt"], ["--prompt needs a value"]),
    (["run", "one", "two"], ["one prompt"]),
    (["run", "hi", "infer.max_sequence_len=3"], ["did you mean infer.max_seq_len?"]),
    (["run", "--temp", "0.7", "hi"], ["unknown option --temp", "setting request.temperature="]),
    (["run", "--max-tokens=9", "hi"], ["unknown option --max-tokens", "request.max_new_tokens="]),
    (["run", "-m", TINY, "hi"], ["unknown option -m; settings have no dashes, as in models="]),
    (["run", "infer=5"], ["infer is a group of settings, such as infer.max_seq_len"]),
    (["run", "- item one"], ["unknown option - item one; a text that begins with a dash goes after --"]),
    (["run", "x=5"], ["unknown setting 'x'", "a text such as 'x=5' goes after --"]),
    (["run"], ["standard input is empty"]),
    (["run", ""], ["the prompt is empty"]),
    (["run", "-p", ""], ["the prompt is empty"]),
    (["run", "hi", "-o", "answers.jsonl"], ["--output goes with --file"]),
    (["run", "hi", "request.top_p=3"], ["request.top_p=3: expected number in"]),
    (["run", "hi", "infer.max_seq_len=-1"], ["infer.max_seq_len=-1: expected integer in"]),
    (["run", "hi", "infer.tp_size=8"], ["infer.tp_size=8: not available in this version"]),
    (["run", "hi", "infer.use_cuda_graph=True"], ["not available in this version"]),
    (["run", "--raw", "--system", "x", "hi"], ["--raw leaves no place for --system"]),
    (["version", "infer.seed=1"], ["takes no settings"]),
    (["bench", "--batch", "0"], ["--batch 0: expected integers in [1, 4096]"]),
    (["bench", "--repetitions", "many"], ["--repetitions many: expected an integer"]),
    (["chat", "hello"], ["chat takes no text, found 'hello'; a model is named by models="]),
    (["bench", "-p", "0", "-n", "0"], ["nothing to time"]),
    (["run", "infer.num-threads=2"], ["unknown setting 'infer.num-threads' (did you mean infer.num_threads?)"]),
    (["run", "infer.num_threads:2"], ["did you mean infer.num_threads=2?"]),
    (["bench", "-b", "4", "infer.max_reqs=3"], ["--batch 4: infer.max_reqs=3, so 3 at most"]),
    (["bench", "hello"], ["bench takes no text, found 'hello'"]),
    (["info", "hello"], ["info takes no text, found 'hello'; a model is named by models="]),
    (["settings", "hello"], ["settings takes no text, found 'hello'"]),
    (["models", "hello"], ["models takes no text, found 'hello'"]),
    (["version", "hello"], ["version takes no text, found 'hello'"]),
    (["--version", "hello"], ["version takes no text, found 'hello'"]),
    (["pull", "a", "b"], ["one model name"]),
])
def test_usage_errors_exit_with_2(chitu, words, parts):
    assert_error(chitu(*words), *parts, code=2)


def test_run_streams_an_answer(chitu):
    result = chitu.tiny("run", "Hello there", "request.max_new_tokens=12")
    assert result.returncode == 0
    assert result.stdout.endswith("\n") and len(result.stdout) > 1
    assert re.search(r"load \d+\.\d+ s, prompt \d+ tokens at .* tok/s, answer \d+ tokens?",
                     result.stderr)
    assert "memory: " in result.stderr
    assert "\033" not in result.stderr, "no colours outside a terminal"


def test_run_is_reproducible(chitu):
    words = ("run", "-q", "Hello there", "request.max_new_tokens=24")
    assert chitu.tiny(*words).stdout == chitu.tiny(*words).stdout
    seeded = (*words, "request.temperature=1", "infer.seed=5")
    assert chitu.tiny(*seeded).stdout == chitu.tiny(*seeded).stdout
    assert chitu.tiny(*seeded).stdout != chitu.tiny(*words, "request.temperature=1").stdout


def test_the_checkpoint_says_how_it_is_sampled(chitu, tmp_path):
    model = tmp_path / "model"
    shutil.copytree(TINY, model)
    config = json.loads((TINY / "generation_config.json").read_text())
    config.update(do_sample=True, temperature=0.9, top_k=30, top_p=0.8)
    (model / "generation_config.json").write_text(json.dumps(config))
    words = ("run", "-q", "Hello there", "request.max_new_tokens=24")
    result = chitu(*words, f"models={model}")
    assert "sampling by generation_config.json: temperature 0.9, top_k 30, top_p 0.8\n" in result.stderr
    drawn = result.stdout
    assert drawn == chitu.tiny(*words, "request.temperature=0.9", "request.top_k=30",
                               "request.top_p=0.8").stdout
    greedy = chitu.tiny(*words).stdout
    assert greedy != drawn
    result = chitu(*words, f"models={model}", "request.temperature=0")
    assert result.stdout == greedy
    assert "sampling" not in result.stderr

    (model / "generation_config.json").write_text('{"do_sample": true, "top_p": 2}')
    assert_error(chitu(*words, f"models={model}"), "generation_config.json: top_p")


def test_run_answers_the_same_for_every_cache(chitu):
    words = ("run", "-q", "A question is a request for an answer.", "request.max_new_tokens=24",
             "dtype=float32")
    expected = chitu.tiny(*words).stdout
    for setting in ("infer.cache_type=skew", "infer.cache_block_size=1",
                    "infer.prefill_chunk_size=3", "infer.num_threads=1"):
        assert chitu.tiny(*words, setting).stdout == expected, setting


def test_run_takes_the_prompt_from_anywhere(chitu):
    words = ("-q", "--raw", "request.max_new_tokens=8")
    expected = chitu.tiny("run", "a b", *words).stdout
    assert chitu.tiny("run", "--prompt", "a b", *words).stdout == expected
    assert chitu.tiny("run", *words, stdin="a b").stdout == expected
    assert chitu.tiny("run", *words, stdin="a b\n").stdout == expected
    assert chitu.tiny("run", *words, "--", "a b").stdout == expected


def test_run_takes_a_formula_for_a_prompt(chitu):
    words = ("-q", "--raw", "request.max_new_tokens=8")
    for prompt in ("What is 2+2=?", "2+2=?", "1=1"):
        result = chitu.tiny("run", prompt, *words)
        assert result.returncode == 0, result.stderr
        assert result.stdout == chitu.tiny("run", *words, "-p", prompt).stdout


def test_raw_and_system_change_the_prompt(chitu):
    answers = [chitu.tiny("run", "-q", "Hello", "request.max_new_tokens=16", *words).stdout
               for words in ([], ["--raw"], ["--system", "Answer in French."])]
    assert len(set(answers)) == 3


def test_an_answer_ends_at_the_end_of_the_context(chitu):
    result = chitu.tiny("run", "--raw", "Hello there", "infer.max_seq_len=16",
                        "infer.stop_with_eos=False")
    assert result.returncode == 0
    assert "(length: infer.max_seq_len=16)" in result.stderr
    assert_error(chitu.tiny("run", "Hello there, " * 9, "infer.max_seq_len=16"),
                 "infer.max_seq_len=16")


def test_file_of_prompts(chitu, tmp_path):
    prompts = ["Hello", "What is \"1=1\"?", "Ünïcode 河流", *(f"prompt {i}" for i in range(9))]
    (tmp_path / "prompts.txt").write_text("\n".join(prompts) + "\n\n")
    result = chitu.tiny("run", "-f", tmp_path / "prompts.txt", "request.max_new_tokens=6",
                        "dtype=float32")
    assert result.returncode == 0, result.stderr
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["prompt"] for line in lines] == prompts
    assert [line["index"] for line in lines] == list(range(len(prompts)))
    for line in lines:
        assert set(line) == {"index", "prompt", "text", "tokens", "finish_reason"}
        assert line["finish_reason"] in ("stop", "length")
        assert 1 <= len(line["tokens"]) <= 6
        alone = chitu.tiny("run", "-q", "-p", line["prompt"], "request.max_new_tokens=6",
                           "dtype=float32")
        assert alone.stdout == line["text"] + "\n"


def test_a_prompt_of_a_file_that_cannot_be_answered(chitu, tmp_path):
    (tmp_path / "prompts.txt").write_text("Hello\n" + "word " * 60 + "\nAgain\n")
    result = chitu.tiny("run", "-f", tmp_path / "prompts.txt", "infer.max_seq_len=48")
    assert_error(result, "1 of 3 prompts could not be answered")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["index"] for line in lines] == [0, 1, 2]
    assert set(lines[1]) == {"index", "prompt", "error"}
    assert lines[1]["error"].startswith(f"{tmp_path}/prompts.txt:2: ")
    assert "infer.max_seq_len=48" in lines[1]["error"]
    assert lines[0]["tokens"] and lines[2]["tokens"]


def test_equal_prompts_of_a_file_are_drawn_with_seeds_of_their_own(chitu, tmp_path):
    (tmp_path / "prompts.txt").write_text("Hello\n" * 4)
    words = ("request.temperature=1", "request.max_new_tokens=16")
    result = chitu.tiny("run", "-f", tmp_path / "prompts.txt", "infer.seed=5", *words)
    answers = [json.loads(line)["text"] for line in result.stdout.splitlines()]
    assert len(set(answers)) == 4
    alone = chitu.tiny("run", "-q", "Hello", "infer.seed=7", *words).stdout
    assert alone == answers[2] + "\n"


def test_prompts_that_are_not_utf8(chitu, tmp_path):
    (tmp_path / "prompts.txt").write_bytes(b"plain\ncaf\xe9\n")
    result = chitu.tiny("run", "-f", tmp_path / "prompts.txt")
    assert_error(result, "prompts.txt:2: not valid UTF-8: byte 4 is 0xe9")
    latin = b"caf\xe9".decode("utf-8", "surrogateescape")
    for words in (["-p", latin], [latin], ["--raw", latin]):
        result = chitu.tiny("run", *words)
        assert_error(result, "the prompt: not valid UTF-8: byte 4 is 0xe9")
        assert "memory: " not in result.stderr, "said before the model is loaded"
    assert_error(chitu.tiny("run", "hi", "--system", latin), "--system: not valid UTF-8")


def test_file_of_conversations(chitu, tmp_path):
    lines = [{"prompt": "Hello"},
             {"messages": [{"role": "system", "content": "Be brief."},
                           {"role": "user", "content": "Hello"}]}]
    path = tmp_path / "prompts.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    output = tmp_path / "answers.jsonl"
    result = chitu.tiny("run", "-f", path, "-o", output, "request.max_new_tokens=6")
    assert result.returncode == 0, result.stderr
    assert result.stdout == ""
    answers = [json.loads(line) for line in output.read_text().splitlines()]
    assert answers[0]["prompt"] == lines[0]["prompt"]
    assert answers[1]["messages"] == lines[1]["messages"] and "prompt" not in answers[1]
    assert answers[0]["tokens"] != answers[1]["tokens"]


def test_a_system_message_for_a_file_of_conversations(chitu, tmp_path):
    user = {"role": "user", "content": "Hello"}
    system = {"role": "system", "content": "Be brief."}
    path = tmp_path / "prompts.jsonl"
    path.write_text("\n\n".join(map(json.dumps, [
        {"messages": [user]}, {"messages": [system, user]}, {"prompt": "Hello"}])))
    words = ("run", "-f", path, "request.max_new_tokens=6")
    result = chitu.tiny(*words, "--system", "Be brief.")
    assert_error(result, "1 of 3 prompts could not be answered")
    first, second, third = (json.loads(line) for line in result.stdout.splitlines())
    assert "prompts.jsonl:3: the messages have a system message of their own" in second["error"]
    expected = json.loads(chitu.tiny(*words).stdout.splitlines()[1])["tokens"]
    assert first["tokens"] == third["tokens"] == expected

    result = chitu.tiny(*words, "--raw")
    assert_error(result, "2 of 3 prompts could not be answered")
    assert "prompts.jsonl:1: --raw takes a" in json.loads(result.stdout.splitlines()[0])["error"]


def test_a_system_message_needs_a_chat_model(chitu, tmp_path):
    model = tmp_path / "model"
    shutil.copytree(TINY, model)
    config = json.loads((TINY / "tokenizer_config.json").read_text())
    del config["chat_template"]
    (model / "tokenizer_config.json").write_text(json.dumps(config))
    words = ("run", "Hello", f"models={model}", "request.max_new_tokens=2")
    assert chitu(*words).returncode == 0
    assert_error(chitu(*words, "--system", "Be brief."), "model has no chat template")


def test_prompts_from_standard_input(chitu):
    for path in ("-", "/dev/stdin"):
        words = ("run", "-q", "-f", path, "request.max_new_tokens=4")
        text = chitu.tiny(*words, stdin="Hello\nAgain\n")
        assert [json.loads(line)["prompt"] for line in text.stdout.splitlines()] == ["Hello", "Again"]
        assert chitu.tiny(*words, stdin='{"prompt": "Hello"}\n{"prompt": "Again"}\n').stdout == text.stdout
    assert_error(chitu.tiny("run", "-f", "-", stdin='{"prompt": 1}'), "standard input:1: prompt: ")


def test_the_output_of_a_file_survives_until_there_are_answers(chitu, tmp_path):
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("Hello\n")
    (tmp_path / "link.txt").symlink_to(prompts)
    for output in (prompts, tmp_path / "link.txt"):
        assert_error(chitu.tiny("run", "-f", prompts, "-o", output), "the file of the prompts", code=2)
    assert prompts.read_text() == "Hello\n"
    answers = tmp_path / "answers.jsonl"
    answers.write_text("dear old answers " * 999)
    assert_error(chitu("run", "-f", prompts, "-o", answers, "models=/no/such/model"))
    assert answers.read_text().startswith("dear old answers")
    assert chitu.tiny("run", "-f", prompts, "-o", answers, "request.max_new_tokens=2").returncode == 0
    assert json.loads(answers.read_text())["prompt"] == "Hello"


def test_quiet_says_nothing_and_what_does_not_fit_is_said_once(chitu, tmp_path):
    (tmp_path / "one.txt").write_text("Hello\n")
    for words in (["Hello"], ["-f", tmp_path / "one.txt"]):
        assert chitu.tiny("run", "-q", *words, "request.max_new_tokens=2").stderr == ""
    result = chitu.tiny("run", "Hello", "infer.max_seq_len=2048",
                        "infer.memory_limit=0.001")
    assert_error(result, "it does not fit")
    assert result.stderr.count("memory: ") == 1


@pytest.mark.parametrize("line", ["{", "[]", "{}", '{"prompt": 1}', '{"messages": []}',
                                  '{"messages": [{"role": "user"}]}'])
def test_file_errors_name_the_line(chitu, tmp_path, line):
    path = tmp_path / "prompts.jsonl"
    path.write_text('{"prompt": "fine"}\n' + line + "\n")
    assert_error(chitu.tiny("run", "-f", path), "prompts.jsonl:2: ")


def test_missing_and_unwritable_files(chitu, tmp_path):
    assert_error(chitu.tiny("run", "-f", tmp_path / "absent.txt"), "absent.txt")
    (tmp_path / "empty.txt").write_text("")
    assert_error(chitu.tiny("run", "-f", tmp_path / "empty.txt"), "no prompts")
    assert_error(chitu.tiny("run", "-f", tmp_path), "cannot be read: Is a directory")
    (tmp_path / "one.txt").write_text("Hello\n")
    result = chitu.tiny("run", "-f", tmp_path / "one.txt", "-o", "/no/such/folder/out")
    assert_error(result, "cannot be written")
    assert "memory: " not in result.stderr, "said before the model is loaded"


def test_tokenize_there_and_back(chitu):
    text = "Hello, wörld! <|im_end|>"
    ids = chitu.tiny("tokenize", text).stdout.split()
    assert ids and all(word.isdigit() for word in ids)
    assert chitu.tiny("tokenize", "--decode", *ids).stdout == text + "\n"
    assert chitu.tiny("tokenize", "--decode", stdin=str([int(i) for i in ids])).stdout == text + "\n"
    assert chitu.tiny("tokenize", "--count", text).stdout == f"{len(ids)}\n"
    pieces = [line.split("\t") for line in chitu.tiny("tokenize", "--pieces", text).stdout.splitlines()]
    assert [piece[0] for piece in pieces] == ids
    assert pieces[-1][1] == "<|im_end|>"
    plain = chitu.tiny("tokenize", "--no-special", text).stdout.split()
    assert len(plain) > len(ids)


def test_tokenize_reads_files(chitu, tmp_path):
    (tmp_path / "text").write_bytes(b"two\nlines \xff\xfe")
    assert chitu.tiny("tokenize", "--file", tmp_path / "text").returncode == 0
    assert chitu.tiny("tokenize", stdin="two\nlines").returncode == 0
    (tmp_path / "empty").write_bytes(b"")
    assert chitu.tiny("tokenize", "--count", "--file", tmp_path / "empty").stdout == "0\n"
    assert_error(chitu.tiny("tokenize", "--file", tmp_path / "absent"), "absent: no such file")
    assert_error(chitu.tiny("tokenize", "--file", tmp_path), f"{tmp_path}: not a regular file")
    assert chitu.tiny("tokenize", "--decode", "511").returncode == 0
    assert_error(chitu.tiny("tokenize", "--decode", "1 512"), "token 512: the vocabulary ends at 511")
    assert_error(chitu.tiny("tokenize", "--decode", "1 x"), "'x'")
    assert_error(chitu.tiny("tokenize", "--decode", "99999999999"), "99999999999")


def test_bench_prints_a_table_and_json(chitu):
    words = ("bench", "-p", "8,16", "-n", "4", "-b", "1,3", "-d", "1,5", "-r", "2")
    table = chitu.tiny(*words).stdout
    for row in ("pp8", "pp16", "tg4", "tg4@5"):
        assert table.count(f"| {row} ") == 2
    report = json.loads(chitu.tiny(*words, "--json").stdout)
    assert len(report["results"]) == 8
    for row in report["results"]:
        assert len(row["tokens_per_second"]) == 2
        assert row["median_tokens_per_second"] > 0
    for key in ("version", "cpu", "kernels", "threads", "pinned", "numa", "dtype", "cache_type",
                "cache_dtype", "repetitions"):
        assert key in report


def test_bench_refuses_what_the_model_has_no_room_for(chitu):
    assert_error(chitu.tiny("bench", "-p", "9000"),
                 "--prompt-tokens 9000: the model's limit is 2048 tokens, so 2047 at most")
    assert_error(chitu.tiny("bench", "-p", "2000", "-b", "16", "infer.memory_limit=0.004"),
                 "does not fit", "infer.max_seq_len from --prompt-tokens 2000, "
                                 "infer.max_reqs from --batch 16")


def test_more_than_the_machine_has_is_said_once(chitu):
    words = ("infer.num_threads=1024", "infer.memory_limit=1000000")
    said = chitu.tiny("bench", "-p", "8", "-n", "0", "-r", "1", *words).stderr
    assert said.count("infer.num_threads=1024: ") == 1
    assert said.count("infer.memory_limit=1000000: this machine has ") == 1
    rows = chitu.tiny("info", *words).stdout
    assert "\n  kernels " in rows and "infer.num_threads=1024: " in rows


def test_info_shows_machine_model_and_memory(chitu):
    result = chitu("info")
    assert result.returncode == 0
    assert "processor" in result.stdout and "\nmodel\n" not in result.stdout
    result = chitu.tiny("info", "infer.max_seq_len=256")
    assert result.returncode == 0
    for part in ("LlamaForCausalLM", "512 tokens", "weights", "KV cache", "workspace",
                 "infer.max_seq_len=256"):
        assert part in result.stdout


def test_info_knows_the_longest_context(chitu, tmp_path):
    assert "positions        2048 at most\n" in chitu.tiny("info").stdout
    assert chitu.tiny("info", "infer.max_seq_len=2048").returncode == 0
    assert_error(chitu.tiny("info", "infer.max_seq_len=2049"),
                 "infer.max_seq_len=2049: the model's limit is 2048 tokens")

    model = tmp_path / "model"
    shutil.copytree(TINY, model)
    config = json.loads((TINY / "config.json").read_text())
    config["rope_scaling"] = {"rope_type": "yarn", "factor": 4.0,
                              "original_max_position_embeddings": 2048}
    (model / "config.json").write_text(json.dumps(config))
    assert "positions        8192 at most\n" in chitu("info", f"models={model}").stdout
    assert_error(chitu("info", f"models={model}", "infer.max_seq_len=8193"), "8192 tokens")


def test_memory_that_does_not_fit_is_refused_with_what_would(chitu):
    words = ("dtype=float32", "infer.max_seq_len=2048", "infer.max_reqs=16",
             "infer.memory_limit=0.01")
    for command in (["run", "hi"], ["info"]):
        result = chitu.tiny(*command, *words)
        assert_error(result, "it does not fit", "would")
    fitting = re.search(r"infer\.max_seq_len=\d+", result.stderr.split("does not fit")[1])[0]
    assert chitu.tiny("run", "hi", *words, fitting, "request.max_new_tokens=2").returncode == 0


def test_settings_are_documented(chitu):
    listing = chitu("settings").stdout
    assert "infer.max_seq_len=auto\n" in listing
    rows = chitu("settings", "--markdown").stdout.splitlines()
    assert len(rows) > 40
    page = ROOT / "docs/configuration.md"
    documented = page.read_text().splitlines()
    missing = [row for row in rows if row not in documented]
    assert not missing, "docs/configuration.md lacks rows of `chitu settings --markdown`"


def test_settings_in_effect(chitu, tmp_path):
    listing = chitu("settings", "infer.max_seq_len=77").stdout
    assert "infer.max_seq_len=77\n" in listing and "default: auto\n" in listing
    assert "models.dim=3584\n" in chitu("settings", "models=Qwen2-7B-Instruct").stdout
    (tmp_path / "mine.yaml").write_text("infer:\n  seed: 9\n")
    env = {"CONFIG_PATH": str(tmp_path), "CONFIG_NAME": "mine"}
    assert "infer.seed=9\n" in chitu("settings", env=env).stdout
    assert "infer.seed=8\n" in chitu("settings", "infer.seed=8", env=env).stdout
    assert_error(chitu("settings", "infer.sed=8"), "infer.seed", code=2)
    assert chitu("settings", "--markdown", "infer.seed=8").stdout == chitu("settings", "--markdown").stdout


def test_configuration_file(chitu, tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "mine.yaml").write_text(
        "defaults:\n  - models: tiny\nrequest:\n  max_new_tokens: 3\n")
    (tmp_path / "models/tiny.yaml").write_text(f"name: tiny\nckpt_dir: {TINY}\ndim: 64\n")
    env = {"CONFIG_PATH": str(tmp_path), "CONFIG_NAME": "mine"}
    result = chitu("run", "--raw", "Hello", env=env)
    assert result.returncode == 0, result.stderr
    assert "answer 3 tokens" in result.stderr
    result = chitu("run", "--raw", "Hello", "request.max_new_tokens=2", env=env)
    assert "answer 2 tokens" in result.stderr

    (tmp_path / "models/tiny.yaml").write_text(f"name: tiny\nckpt_dir: {TINY}\ndim: 65\n")
    assert_error(chitu("run", "Hello", env=env), "models.dim=65", "64")
    (tmp_path / "mine.yaml").write_text("infer:\n  max_reqs: 1\n  max_seq_length: 3\n")
    assert_error(chitu("run", "Hello", env=env),
                 "mine.yaml:3: unknown setting 'infer.max_seq_length'", "infer.max_seq_len", code=2)
    (tmp_path / "mine.yaml").write_text("infer: 5\n")
    assert_error(chitu("run", "Hello", env=env), "mine.yaml:1: infer is a group", code=2)
    env["CONFIG_NAME"] = "absent"
    assert_error(chitu("run", "Hello", env=env), "absent.yaml", code=2)


def test_presets(chitu):
    listing = chitu("models").stdout
    for name in ("DeepSeek-R1", "DeepSeek-R1-bf16", "DeepSeek-R1-Distill-Qwen-14B",
                 "Meta-Llama-3-8B-Instruct", "Mixtral-8x7B-Instruct-v0.1", "Qwen2-7B-Instruct",
                 "Qwen2-72B-Instruct", "glm-4-9b-chat"):
        assert f"\n  {name} " in listing
    assert_error(chitu("run", "hi", "models=Qwen2-7B-Instruct"), "models.ckpt_dir=/path/to/")
    assert_error(chitu("run", "hi", "models=Qwen2-7B-Instruct", f"models.ckpt_dir={TINY}"),
                 "models.dim=3584", "64")
    assert_error(chitu("run", "hi", "models=DeepSeek-R1", "models.ckpt_dir=/data/DeepSeek-R1"),
                 "DeepseekV3ForCausalLM", "not an architecture this version has")
    assert_error(chitu("run", "hi", "models=Qwen2-7B-Instrct"), "did you mean Qwen2-7B-Instruct?")


def test_models_says_which_presets_are_of_use_and_lists_ones_own(chitu, tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "mine.yaml").write_text("infer:\n  seed: 1\n")
    (tmp_path / "models/tiny.yaml").write_text(f"name: tiny\nckpt_dir: {TINY}\n")
    (tmp_path / "models/glm-4-9b-chat.yaml").write_text("name: glm-4-9b-chat\n")
    (tmp_path / "models/broken.yaml").write_text("nmae: x\n")
    env = {"CONFIG_PATH": str(tmp_path), "CONFIG_NAME": "mine"}
    result = chitu("models", env=env)
    assert result.returncode == 0, result.stderr
    lines = {line.split()[0]: line for line in result.stdout.splitlines() if line.startswith("  ")}
    for name in ("DeepSeek-R1", "DeepSeek-R1-bf16", "Mixtral-8x7B-Instruct-v0.1"):
        assert lines[name].endswith("(architecture not in this version)")
    for name in ("Qwen2-7B-Instruct", "DeepSeek-R1-Distill-Qwen-14B", "Meta-Llama-3-8B-Instruct"):
        assert "not in this version" not in lines[name]
    assert lines["tiny"].endswith(f" {tmp_path}/models/tiny.yaml")
    assert lines["glm-4-9b-chat"].endswith(f" {tmp_path}/models/glm-4-9b-chat.yaml")
    assert "broken.yaml:1: unknown setting 'models.nmae'" in lines["broken"]
    assert_error(chitu("run", "hi", "models=tniy", env=env), "did you mean tiny?")


def test_output_that_cannot_be_written_is_an_error(chitu):
    for words in (["settings"], ["--version"], ["run", "-q", "Hello", f"models={TINY}"],
                  ["tokenize", "Hello", f"models={TINY}"]):
        with open("/dev/full", "w", encoding="utf-8") as full:
            result = chitu(*words, stdout=full)
        assert_error(result, "No space left on device")


def test_a_reader_that_leaves_ends_the_program_quietly(chitu):
    process = chitu.start("run", "-q", "Hello", f"models={TINY}", "request.max_new_tokens=2000",
                          "infer.stop_with_eos=False")
    process.stdout.close()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGPIPE
    assert b"error" not in errors
