// Where checkpoints keep their chat templates.
#include <algorithm>

#include "io/checkpoint.h"
#include "io/file.h"
#include "text/chat_template.h"

namespace chitu {
namespace {

using Loaded = Result<std::optional<ChatTemplate>>;

constexpr auto kLimit = static_cast<size_t>(jinja::Limits{}.max_source_bytes);

Result<json::Object> read_object(const Checkpoint& checkpoint, std::string_view name) {
  const auto path = checkpoint.file(name);
  if (!path) return json::Object();
  TRY(value, json::parse_file(*path));
  if (!value.is_object()) {
    return make_error(ErrorCode::kCorrupt, "{}: expected an object, found {}", path->string(),
                      json::kind_name(value));
  }
  return std::move(value.get_object());
}

// The files with templates, where a checkpoint has any: chat_template.jinja is the default one,
// others bear their name in a folder beside it.
Result<std::vector<NamedTemplate>> template_files(const Checkpoint& checkpoint) {
  std::vector<NamedTemplate> templates;
  if (const auto path = checkpoint.file("chat_template.jinja")) {
    TRY(source, read_file(*path, kLimit));
    templates.push_back({"default", std::move(source)});
  }
  std::vector<std::filesystem::path> others;
  std::error_code none;  // most checkpoints have no such folder
  for (std::filesystem::directory_iterator
           it(checkpoint.path() / "additional_chat_templates", none),
       end;
       !none && it != end; it.increment(none)) {
    if (it->path().extension() == ".jinja") others.push_back(it->path());
  }
  std::sort(others.begin(), others.end());
  for (const auto& path : others) {
    TRY(source, read_file(path, kLimit));
    templates.push_back({path.stem().string(), std::move(source)});
  }
  return templates;
}

Loaded load_hugging_face(const Checkpoint& checkpoint) {
  TRY(config, read_object(checkpoint, "tokenizer_config.json"));
  TRY(map, read_object(checkpoint, "special_tokens_map.json"));
  json::Object tokens = special_tokens_of(config);
  for (const auto& [key, value] : special_tokens_of(map)) tokens.emplace(key, value);

  TRY(templates, template_files(checkpoint));
  if (templates.empty()) {  // as in transformers, files replace all of the field
    TRY(field, chat_templates_of(config));
    templates = std::move(field);
  }
  if (templates.empty()) return std::optional<ChatTemplate>();
  TRY(compiled, ChatTemplate::compile(templates, std::move(tokens)));
  return std::optional(std::move(compiled));
}

Loaded load_gguf(const GgufMetadata& metadata) {
  constexpr std::string_view kKey = "tokenizer.chat_template";
  if (!metadata.has(kKey)) return std::optional<ChatTemplate>();
  std::vector<NamedTemplate> templates;
  TRY(source, metadata.string(kKey));
  templates.push_back({"default", std::move(source)});
  if (const std::string key = std::string(kKey) + ".tool_use"; metadata.has(key)) {
    TRY(tool_use, metadata.string(key));
    templates.push_back({"tool_use", std::move(tool_use)});
  }

  json::Object tokens;
  TRY(texts, metadata.strings("tokenizer.ggml.tokens"));
  constexpr std::pair<std::string_view, std::string_view> kIds[] = {
      {"bos_token", "tokenizer.ggml.bos_token_id"},
      {"eos_token", "tokenizer.ggml.eos_token_id"},
      {"unk_token", "tokenizer.ggml.unknown_token_id"},
      {"pad_token", "tokenizer.ggml.padding_token_id"}};
  for (const auto& [name, key] : kIds) {
    if (!metadata.has(key)) continue;
    TRY(id, metadata.integer(key, INT64_MIN, INT64_MAX));
    // An id outside the vocabulary is no token.
    if (id >= 0 && static_cast<size_t>(id) < texts.size()) {
      tokens[name] = texts[static_cast<size_t>(id)];
    }
  }
  TRY(compiled, ChatTemplate::compile(templates, std::move(tokens)));
  return std::optional(std::move(compiled));
}

}  // namespace

Loaded ChatTemplate::load(const Checkpoint& checkpoint) {
  Loaded loaded = checkpoint.kind() == Checkpoint::Kind::kGguf ? load_gguf(checkpoint.gguf())
                                                               : load_hugging_face(checkpoint);
  if (loaded.ok()) return loaded;
  return std::move(loaded).error().within(checkpoint.path().string());
}

}  // namespace chitu
