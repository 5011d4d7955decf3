#include "app/session.h"

#include <fmt/format.h>

#include <array>

#include "app/model_store.h"
#include "app/sampling_defaults.h"
#include "app/terminal.h"
#include "base/memory_info.h"

namespace chitu::app {
namespace {

constexpr double kGiB = 1024.0 * 1024.0 * 1024.0;

// A preset's sizes against the checkpoint's: a wrong ckpt_dir is found before it is loaded.
Status compare_with_preset(const ModelConfig& config, const Settings& settings) {
  struct Size {
    std::string_view key;
    int64_t found;
  };
  const std::array<Size, 5> sizes = {{{"models.dim", config.hidden_size},
                                      {"models.n_layers", config.num_layers},
                                      {"models.n_heads", config.num_heads},
                                      {"models.n_kv_heads", config.num_kv_heads},
                                      {"models.vocab_size", config.vocab_size}}};
  for (const Size& size : sizes) {
    const int64_t stated = settings.integer(size.key);
    if (stated != 0 && stated != size.found) {
      return make_error(ErrorCode::kInvalidArgument,
                        "models={} states {}={}, but the checkpoint has {}: is this another model?",
                        settings.text("models"), size.key, stated, size.found);
    }
  }
  return {};
}

}  // namespace

std::string model_name(const Settings& settings) {
  const std::string name = settings.text("models.name");
  if (!name.empty()) return name;
  const std::string dir = settings.text("models.ckpt_dir");
  std::filesystem::path path = dir.empty() ? settings.text("models") : dir;
  if (!path.has_filename()) path = path.parent_path();
  return path.filename().string();
}

Result<Checkpoint> open_checkpoint(const Environment& environment, const Settings& settings) {
  TRY(path, resolve_model(environment, settings));
  return Checkpoint::open(path);
}

Result<ModelConfig> checked_model_config(const Checkpoint& checkpoint, const Settings& settings) {
  TRY(config, read_model_config(checkpoint));
  TRY_STATUS(compare_with_preset(config, settings));
  return config;
}

Result<Tokenizer> open_tokenizer(const Checkpoint& checkpoint, const Settings& settings) {
  const std::string other = settings.text("models.tokenizer_path");
  return other.empty() ? Tokenizer::load(checkpoint) : Tokenizer::from_directory(other);
}

SchedulingOptions scheduling_options(const Settings& settings) {
  const std::string type = settings.text("scheduler.type");
  return {.policy = *find_policy(type),  // the table of settings has the same names
          .max_step_sequences = settings.integer(fmt::format("scheduler.{}.num_tasks", type)),
          .hybrid = settings.boolean(fmt::format("scheduler.{}.enable_hybrid", type)),
          .prefix_cache = settings.boolean("infer.prefix_cache"),
          .itl_budget = settings.number("scheduler.itl_budget_ms") / 1000};
}

EngineOptions engine_options(const Settings& settings, const Backend& backend, int64_t max_reqs) {
  return {.max_seq_len = settings.integer("infer.max_seq_len"),
          .max_reqs =
              settings.is_auto("infer.max_reqs") ? max_reqs : settings.integer("infer.max_reqs"),
          .max_step_tokens = settings.integer("infer.prefill_chunk_size"),
          .block_size = settings.text("infer.cache_type") == "skew"
                            ? 0
                            : settings.integer("infer.cache_block_size"),
          .num_blocks = settings.integer("infer.num_blocks"),
          .kv_dtype = backend.kv_dtype,
          .memory_limit = settings.is_auto("infer.memory_limit")
                              ? backend.memory
                              : static_cast<int64_t>(settings.number("infer.memory_limit") * kGiB)};
}

std::vector<std::string> beyond_machine(const Settings& settings, const Backend& backend) {
  std::vector<std::string> lines;
  if (backend.on_gpu) return lines;
  if (const int64_t asked = settings.integer("infer.num_threads"); asked > backend.pool->size()) {
    lines.push_back(fmt::format(
        "infer.num_threads={}: {}, for this process may run on no more CPUs", asked,
        backend.pool->size() == 1 ? "1 thread is used"
                                  : fmt::format("{} threads are used", backend.pool->size())));
  }
  const double limit = settings.number("infer.memory_limit") * kGiB;
  const int64_t memory = memory_info().total;
  if (memory > 0 && limit > static_cast<double>(memory)) {
    lines.push_back(fmt::format("infer.memory_limit={}: this machine has {}",
                                settings.value("infer.memory_limit"), format_bytes(memory)));
  }
  return lines;
}

Result<MemoryPlan> plan_model(const Environment& environment, const Settings& settings,
                              const OpenOptions& options, const Checkpoint& checkpoint,
                              const ModelConfig& config, Backend& backend) {
  const auto plan = [&] {
    return plan_memory(checkpoint, config, *backend.ops,
                       engine_options(settings, backend, options.max_reqs));
  };
  Result<MemoryPlan> memory = plan();
  if (memory.ok() || memory.error().code != ErrorCode::kUnsupported || !backend.on_gpu ||
      !settings.is_auto("infer.device")) {
    return memory;
  }
  if (!options.quiet) note(environment, fmt::format("on the CPU: {}", memory.error().message));
  Settings on_cpu = settings;
  TRY_STATUS(on_cpu.set("infer.device", "cpu"));
  TRY(cpu, make_backend(on_cpu));
  backend = std::move(cpu);
  return plan();
}

Result<Session> open_session(const Environment& environment, const Settings& settings,
                             const OpenOptions& options) {
  TRY(checkpoint, open_checkpoint(environment, settings));
  const Stopwatch stopwatch;
  Session session;
  session.model_name = model_name(settings);
  TRY(config, checked_model_config(checkpoint, settings));
  TRY(tokenizer, open_tokenizer(checkpoint, settings));
  session.tokenizer = std::move(tokenizer);
  session.chat_template = ChatTemplate::load(checkpoint);
  if (checkpoint.kind() == Checkpoint::Kind::kHuggingFace) {
    TRY(sampling, sampling_defaults(checkpoint.generation_config()));
    session.sampling = sampling;
  }
  TRY(backend, make_backend(settings));
  session.backend = std::move(backend);
  TRY(memory, plan_model(environment, settings, options, checkpoint, config, session.backend));

  if (!options.quiet) {
    for (const std::string& line : beyond_machine(settings, session.backend)) {
      note(environment, line);
    }
  }
  // One that does not fit is refused below, in the same words.
  if (!options.quiet && memory.fits()) note(environment, one_line(memory));
  ProgressBar bar(environment, "loading", ProgressBar::Unit::kBytes);
  const LoadOptions load_options{.on_progress = [&](const LoadProgress& progress) {
    bar.update(progress.bytes_done, progress.bytes_total);
  }};
  const SchedulingOptions scheduling =
      options.scheduling ? *options.scheduling : scheduling_options(settings);
  TRY(engine,
      Engine::load(checkpoint, *session.backend.ops, std::move(memory), scheduling, load_options));
  session.engine = std::move(engine);
  session.load_seconds = stopwatch.seconds();
  return session;
}

Request make_request(const Session& session, const Settings& settings,
                     std::vector<int32_t> prompt) {
  const bool ignore_eos = !settings.boolean("infer.stop_with_eos");
  // The engine knows the ends that the model's configuration numbers; the tokenizer also those that
  // only their name tells, such as the <|im_end|> of a GGUF file whose end is <|endoftext|>.
  std::vector<int32_t> ends;
  if (!ignore_eos) ends = session.tokenizer->special().eos;
  return {.prompt = std::move(prompt),
          .max_new_tokens = settings.integer("request.max_new_tokens"),
          .sampling = sampling_of(settings, session.sampling),
          .stop_tokens = std::move(ends),
          .ignore_eos = ignore_eos};
}

void note_sampling(const Environment& environment, const Session& session,
                   const Settings& settings) {
  const std::string decided = decided_by_checkpoint(settings, session.sampling);
  if (!decided.empty()) {
    note(environment, fmt::format("sampling by generation_config.json: {}", decided));
  }
}

Result<const ChatTemplate*> require_chat_template(const Session& session) {
  if (!session.chat_template.ok()) return session.chat_template.error();
  if (!session.chat_template->has_value()) {
    return make_error(
        ErrorCode::kUnsupported,
        "{} has no chat template, so it is no chat model; `chitu run --raw` continues "
        "a text",
        session.model_name);
  }
  return &**session.chat_template;
}

Result<std::vector<int32_t>> encode_chat(const Session& session, json::Array messages) {
  TRY(chat_template, require_chat_template(session));
  TRY(text, chat_template->render({.messages = std::move(messages)}));
  // The template has written the special tokens itself.
  return session.tokenizer->encode(text, {.add_special_tokens = false, .parse_special = true});
}

Result<std::vector<int32_t>> encode_text(const Session& session, std::string_view text) {
  return session.tokenizer->encode(text);
}

std::string_view name(FinishReason reason) {
  switch (reason) {
    case FinishReason::kNone:
      return "running";
    case FinishReason::kStop:
      return "stop";
    case FinishReason::kLength:
      return "length";
    case FinishReason::kCancelled:
      return "cancelled";
    case FinishReason::kError:
      return "error";
  }
  return "";
}

}  // namespace chitu::app
