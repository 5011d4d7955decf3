// A model on disk, as it was published: a Hugging Face directory or GGUF files. The files are
// mapped, not read; only headers and configuration are parsed when it is opened.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "io/gguf_metadata.h"
#include "io/json.h"
#include "io/mmap.h"
#include "io/tensor_entry.h"

namespace chitu {

class Checkpoint {
 public:
  enum class Kind { kHuggingFace, kGguf };

  // `path` is one of
  //   a directory with config.json and safetensors files: model.safetensors, or the shards that
  //     model.safetensors.index.json lists, or else all *.safetensors in it;
  //   a GGUF file, whatever its name, for a split model its first part;
  //   a directory without safetensors files that holds one GGUF model.
  // All headers are verified: what tensors() shows lies within its file. Errors name the file, the
  // field and its value, and what to do.
  static Result<Checkpoint> open(const std::filesystem::path& path);

  Kind kind() const { return kind_; }
  const std::filesystem::path& path() const { return path_; }

  // REQUIRES: kind() == kHuggingFace
  const json::Object& config() const;             // config.json
  const json::Object* generation_config() const;  // generation_config.json; nullptr: there is none

  // A file beside config.json: "tokenizer.json", "tokenizer_config.json", "tokenizer.model",
  // "chat_template.jinja". Nothing if it is not there, and always for kGguf.
  std::optional<std::filesystem::path> file(std::string_view name) const;

  // REQUIRES: kind() == kGguf. Of a split model: the first part's.
  const GgufMetadata& gguf() const;

  // In the order of the files, and of the bytes (safetensors) or descriptions (GGUF) in them.
  const std::vector<TensorEntry>& tensors() const { return tensors_; }
  const TensorEntry* find(std::string_view name) const;  // nullptr: no such tensor
  const std::filesystem::path& file_of(const TensorEntry& tensor) const;
  int64_t total_bytes() const { return total_bytes_; }  // of all tensors

  // `data` is a tensor's view or a row slice of one. will_need starts reading it in the background:
  // call it for the next tensor before the current one is copied. release gives its pages back once
  // it is copied; the view stays valid.
  void will_need(const TensorRef& data) const;
  void release(const TensorRef& data) const;

 private:
  struct File {
    std::filesystem::path path;
    MappedFile map;
  };

  Checkpoint() = default;
  static Result<Checkpoint> open_hugging_face(const std::filesystem::path& directory);
  static Result<Checkpoint> open_gguf(const std::filesystem::path& first);
  Status add_safetensors(const std::filesystem::path& path, const json::Object* weight_map);
  Status add_indexed_safetensors(const std::filesystem::path& index_path);
  Status add_tensors(std::vector<TensorEntry> tensors);
  const MappedFile& map_of(const void* data, std::size_t size) const;

  Kind kind_ = Kind::kHuggingFace;
  std::filesystem::path path_;
  json::Value config_;
  std::optional<json::Value> generation_config_;
  GgufMetadata gguf_;
  std::vector<File> files_;
  std::vector<TensorEntry> tensors_;
  std::unordered_map<std::string, std::size_t> index_;  // into tensors_
  int64_t total_bytes_ = 0;
};

}  // namespace chitu
