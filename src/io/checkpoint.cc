#include "io/checkpoint.h"

#include <algorithm>
#include <fstream>
#include <set>
#include <system_error>
#include <utility>

#include "base/check.h"
#include "base/quote.h"
#include "io/foreign_format.h"
#include "io/gguf.h"
#include "io/gguf_split.h"
#include "io/safetensors.h"

namespace chitu {
namespace {

namespace fs = std::filesystem;

constexpr json::Limits kConfigLimits = {.max_values = 1'000'000, .max_bytes = int64_t{16} << 20};
constexpr json::Limits kIndexLimits = {.max_values = 2'000'000, .max_bytes = int64_t{128} << 20};
constexpr std::string_view kIndexName = "model.safetensors.index.json";

bool is_file(const fs::path& path) {
  std::error_code code;
  return fs::is_regular_file(path, code);
}

// Names of the files in a directory that end in `extension`, sorted.
Result<std::vector<std::string>> list(const fs::path& directory, std::string_view extension) {
  std::vector<std::string> names;
  std::error_code code;
  for (fs::directory_iterator it(directory, code), end; !code && it != end; it.increment(code)) {
    if (it->path().extension() == extension) names.push_back(it->path().filename().string());
  }
  if (code) {
    return make_error(ErrorCode::kIo, "{}: cannot be listed: {}", directory.string(),
                      code.message());
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<json::Value> parse_object_file(const fs::path& path, const json::Limits& limits) {
  TRY(value, json::parse_file(path, limits));
  if (!value.is_object()) {
    return make_error(ErrorCode::kCorrupt, "{}: expected an object, found {}", path.string(),
                      json::kind_name(value));
  }
  return value;
}

// The shards that the index names, sorted, each once.
Result<std::vector<std::string>> read_shard_names(const json::Object& weight_map) {
  std::set<std::string> names;
  for (const auto& [tensor, shard] : weight_map) {
    if (!shard.is_string()) {
      return make_error(ErrorCode::kCorrupt, "weight_map: {}: expected a file name, found {}",
                        quote(tensor), json::kind_name(shard));
    }
    std::string name(shard.get_string());
    // Only files of this very directory: an index must not lead anywhere else.
    if (name.empty() || name.find('/') != std::string::npos ||
        name.find('\0') != std::string::npos || name == "." || name == "..") {
      return make_error(ErrorCode::kCorrupt,
                        "weight_map: {}: {} is not the name of a file in the same directory",
                        quote(tensor), quote(name));
    }
    names.insert(std::move(name));
  }
  return std::vector<std::string>(names.begin(), names.end());
}

Error no_weights(const fs::path& directory) {
  for (const char* extension : {".bin", ".pth", ".pt"}) {
    const Result<std::vector<std::string>> pickles = list(directory, extension);
    if (pickles && !pickles->empty()) {
      return make_error(ErrorCode::kUnsupported,
                        "{}: no *.safetensors file; {} is a PyTorch pickle, which can run code and "
                        "is never read: convert the checkpoint to safetensors",
                        directory.string(), quote(pickles->front()));
    }
  }
  return make_error(ErrorCode::kNotFound,
                    "{}: config.json, but no *.safetensors file; fetch the weights",
                    directory.string());
}

// The one GGUF model of a directory without safetensors.
Result<fs::path> find_gguf(const fs::path& directory) {
  TRY(names, list(directory, ".gguf"));
  std::erase_if(names, [](const std::string& name) {
    const std::optional<GgufSplitName> split = parse_gguf_split_name(name);
    return split && split->number != 1;
  });
  if (names.size() == 1) return directory / names[0];
  std::error_code ignored;
  if (names.empty() && fs::exists(directory / "params.json", ignored)) {
    return make_error(ErrorCode::kUnsupported,
                      "{}: Meta's original format (params.json and consolidated.*.pth), whose "
                      "weights are PyTorch pickles and never read; fetch the model's Hugging Face "
                      "files, or convert it with transformers' convert_llama_weights_to_hf.py",
                      directory.string());
  }
  if (names.empty()) {
    return make_error(ErrorCode::kNotFound,
                      "{}: neither config.json nor a .gguf file; name a checkpoint's directory or "
                      "a .gguf file",
                      directory.string());
  }
  return make_error(ErrorCode::kInvalidArgument, "{}: {} GGUF models; name one of them, as {}",
                    directory.string(), names.size(), (directory / names[0]).string());
}

// Judged by its first bytes: the caches of Ollama and Hugging Face name files by their hashes.
bool starts_as_gguf(const fs::path& path) {
  std::string magic(kGgufMagic.size(), '\0');
  std::ifstream file(path, std::ios::binary);
  return file.read(magic.data(), static_cast<std::streamsize>(magic.size())) && magic == kGgufMagic;
}

Error not_a_checkpoint(const fs::path& path) {
  if (path.extension() == ".safetensors") {
    return make_error(
        ErrorCode::kInvalidArgument,
        "{}: a safetensors file alone is no model; name its directory, with config.json",
        path.string());
  }
  const Result<MappedFile> map = MappedFile::open(path);
  if (!map) return map.error();
  const std::string_view known = foreign_format(map->bytes());
  return make_error(ErrorCode::kInvalidArgument, "{}: {}", path.string(),
                    known.empty() ? "not a checkpoint; name a directory with config.json or a "
                                    ".gguf file"
                                  : known);
}

}  // namespace

Result<Checkpoint> Checkpoint::open(const fs::path& path) {
  std::error_code code;
  const fs::file_status status = fs::status(path, code);
  if (!fs::exists(status)) {
    return make_error(ErrorCode::kNotFound, "{}: {}", path.string(),
                      code ? code.message() : "no such file or directory");
  }
  if (fs::is_directory(status)) {
    if (is_file(path / "config.json")) return open_hugging_face(path);
    TRY(gguf, find_gguf(path));
    return open_gguf(gguf);
  }
  if (path.extension() == ".gguf" || (fs::is_regular_file(status) && starts_as_gguf(path))) {
    return open_gguf(path);
  }
  return not_a_checkpoint(path);
}

Result<Checkpoint> Checkpoint::open_hugging_face(const fs::path& directory) {
  Checkpoint checkpoint;
  checkpoint.kind_ = Kind::kHuggingFace;
  checkpoint.path_ = directory;
  TRY(config, parse_object_file(directory / "config.json", kConfigLimits));
  checkpoint.config_ = std::move(config);
  if (const auto path = checkpoint.file("generation_config.json")) {
    TRY(generation_config, parse_object_file(*path, kConfigLimits));
    checkpoint.generation_config_ = std::move(generation_config);
  }

  if (is_file(directory / "model.safetensors")) {
    TRY_STATUS(checkpoint.add_safetensors(directory / "model.safetensors", nullptr));
    return checkpoint;
  }
  if (is_file(directory / kIndexName)) {
    TRY_STATUS(checkpoint.add_indexed_safetensors(directory / kIndexName));
    return checkpoint;
  }
  TRY(names, list(directory, ".safetensors"));
  if (names.empty()) {
    TRY(ggufs, list(directory, ".gguf"));
    if (ggufs.empty()) return no_weights(directory);
    TRY(gguf, find_gguf(directory));  // published beside the original's config.json
    return open_gguf(gguf);
  }
  for (const std::string& name : names) {
    TRY_STATUS(checkpoint.add_safetensors(directory / name, nullptr));
  }
  return checkpoint;
}

Status Checkpoint::add_indexed_safetensors(const fs::path& index_path) {
  TRY(index, parse_object_file(index_path, kIndexLimits));
  const json::Fields fields(index.get_object());
  Result<const json::Object*> weight_map = fields.object("weight_map");
  if (!weight_map) return std::move(weight_map).error().within(index_path.string());
  Result<std::vector<std::string>> shards = read_shard_names(**weight_map);
  if (!shards) return std::move(shards).error().within(index_path.string());
  for (const std::string& shard : *shards) {
    Status added = add_safetensors(index_path.parent_path() / shard, *weight_map);
    if (!added && added.error().code == ErrorCode::kNotFound) {
      return make_error(ErrorCode::kNotFound,
                        "{}: weight_map: names {}, which is not there; fetch it",
                        index_path.string(), quote(shard));
    }
    TRY_STATUS(std::move(added));
  }
  for (const auto& [tensor, shard] : **weight_map) {
    if (find(tensor) == nullptr) {
      return make_error(ErrorCode::kCorrupt,
                        "{}: weight_map: names tensor {}, which is not in {}; fetch both again",
                        index_path.string(), quote(tensor), quote(shard.get_string()));
    }
  }
  return {};
}

Status Checkpoint::add_safetensors(const fs::path& path, const json::Object* weight_map) {
  TRY(map, MappedFile::open(path));
  Result<std::vector<TensorEntry>> tensors = parse_safetensors(map.bytes());
  if (!tensors) return std::move(tensors).error().within(path.string());
  if (weight_map != nullptr) {
    // A tensor that the index places in another shard is a leftover here.
    std::erase_if(*tensors, [&](const TensorEntry& tensor) {
      const json::Value* shard = weight_map->if_contains(tensor.name);
      return shard != nullptr && std::string_view(shard->get_string()) != path.filename().string();
    });
  }
  files_.push_back({path, std::move(map)});
  return add_tensors(*std::move(tensors));
}

Result<Checkpoint> Checkpoint::open_gguf(const fs::path& first) {
  Checkpoint checkpoint;
  checkpoint.kind_ = Kind::kGguf;
  checkpoint.path_ = first;
  TRY(paths, gguf_parts(first));
  for (std::size_t i = 0; i < paths.size(); ++i) {
    TRY(map, MappedFile::open(paths[i]));
    Result<GgufFile> part = parse_gguf(map.bytes());
    if (!part) return std::move(part).error().within(paths[i].string());
    Status fits =
        check_gguf_part(part->metadata, static_cast<int>(i), static_cast<int>(paths.size()));
    if (!fits) return std::move(fits).error().within(paths[i].string());
    checkpoint.files_.push_back({paths[i], std::move(map)});
    TRY_STATUS(checkpoint.add_tensors(std::move(part->tensors)));
    if (i == 0) checkpoint.gguf_ = std::move(part->metadata);
  }
  const auto found = static_cast<int64_t>(checkpoint.tensors_.size());
  Result<int64_t> declared =
      checkpoint.gguf_.integer_or("split.tensors.count", found, found, found);
  if (!declared) return std::move(declared).error().within(first.string());
  return checkpoint;
}

Status Checkpoint::add_tensors(std::vector<TensorEntry> tensors) {
  const int file = static_cast<int>(files_.size()) - 1;
  for (TensorEntry& tensor : tensors) {
    tensor.file = file;
    const auto [existing, added] = index_.emplace(tensor.name, tensors_.size());
    if (!added) {
      return make_error(ErrorCode::kCorrupt, "{}: tensor {}: also in {}; remove one of the files",
                        files_.back().path.string(), quote(tensor.name),
                        file_of(tensors_[existing->second]).filename().string());
    }
    total_bytes_ += bytes_for(tensor.data.dtype, tensor.data.shape.elements());
    tensors_.push_back(std::move(tensor));
  }
  return {};
}

const json::Object& Checkpoint::config() const {
  CHECK(kind_ == Kind::kHuggingFace);
  return config_.get_object();
}

const json::Object* Checkpoint::generation_config() const {
  CHECK(kind_ == Kind::kHuggingFace);
  return generation_config_ ? &generation_config_->get_object() : nullptr;
}

std::optional<fs::path> Checkpoint::file(std::string_view name) const {
  if (kind_ != Kind::kHuggingFace || !is_file(path_ / name)) return std::nullopt;
  return path_ / name;
}

const GgufMetadata& Checkpoint::gguf() const {
  CHECK(kind_ == Kind::kGguf);
  return gguf_;
}

const TensorEntry* Checkpoint::find(std::string_view name) const {
  const auto it = index_.find(std::string(name));
  return it == index_.end() ? nullptr : &tensors_[it->second];
}

const fs::path& Checkpoint::file_of(const TensorEntry& tensor) const {
  return files_[static_cast<std::size_t>(tensor.file)].path;
}

const MappedFile& Checkpoint::map_of(const void* data, std::size_t size) const {
  const auto file = std::find_if(files_.begin(), files_.end(),
                                 [&](const File& f) { return f.map.contains(data, size); });
  CHECK(file != files_.end());
  return file->map;
}

void Checkpoint::will_need(const TensorRef& data) const {
  const auto size = static_cast<std::size_t>(bytes_for(data.dtype, data.shape.elements()));
  if (size > 0) map_of(data.data, size).will_need(data.data, size);
}

void Checkpoint::release(const TensorRef& data) const {
  const auto size = static_cast<std::size_t>(bytes_for(data.dtype, data.shape.elements()));
  if (size > 0) map_of(data.data, size).release(data.data, size);
}

}  // namespace chitu
