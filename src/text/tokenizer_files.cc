// Which files of a checkpoint its tokenizer is made of.
#include "io/checkpoint.h"
#include "io/file.h"
#include "text/sentencepiece_model.h"
#include "text/tiktoken.h"
#include "text/tokenizer_json.h"

namespace chitu {
namespace {

// The whole file; empty when there is none.
Result<std::string> read_optional(const std::filesystem::path& path) {
  std::error_code code;
  if (!std::filesystem::exists(path, code)) return std::string();
  return read_file(path, json::kMaxFileBytes);
}

template <class T>
Result<T> within(const std::filesystem::path& path, Result<T> result) {
  if (!result) return std::move(result).error().within(path.string());
  return result;
}

Result<TokenizerConfig> read_config(const std::filesystem::path& directory) {
  TRY(config, read_optional(directory / "tokenizer_config.json"));
  TRY(added_tokens, read_optional(directory / "added_tokens.json"));
  return within(directory, TokenizerConfig::parse(config, added_tokens));
}

Result<TokenizerParts> read_parts(const std::filesystem::path& directory,
                                  const TokenizerConfig& config) {
  const std::filesystem::path json_path = directory / "tokenizer.json";
  TRY(json, read_optional(json_path));
  if (!json.empty()) return within(json_path, parts_from_json(json, config));
  const std::filesystem::path model_path = directory / "tokenizer.model";
  TRY(model, read_optional(model_path));
  if (model.empty()) {
    return make_error(ErrorCode::kNotFound,
                      "{}: no tokenizer; put the checkpoint's tokenizer.json or tokenizer.model "
                      "there",
                      directory.string());
  }
  return within(model_path, is_tiktoken(model) ? parts_from_tiktoken(model, config)
                                               : parts_from_sentencepiece(model, config));
}

}  // namespace

Result<Tokenizer> Tokenizer::load(const Checkpoint& checkpoint) {
  // Errors of a directory name the file in it.
  if (checkpoint.kind() != Checkpoint::Kind::kGguf) return from_directory(checkpoint.path());
  return within(checkpoint.path(), from_gguf(checkpoint.gguf()));
}

Result<Tokenizer> Tokenizer::from_directory(const std::filesystem::path& directory) {
  TRY(config, read_config(directory));
  TRY(generation, read_optional(directory / "generation_config.json"));
  TRY(parts, read_parts(directory, config));
  TRY_STATUS(
      within(directory / "generation_config.json", apply_generation_config(generation, parts)));
  return Tokenizer(std::move(parts));
}

}  // namespace chitu
