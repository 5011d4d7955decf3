// GGUF models split over several files: "name-00001-of-00003.gguf", each with split.no,
// split.count and split.tensors.count in its metadata.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/gguf_metadata.h"

namespace chitu {

struct GgufSplitName {
  std::string prefix;  // "name"
  int number = 0;      // from 1
  int count = 0;
};

// Nothing if the file's name is not of that form.
std::optional<GgufSplitName> parse_gguf_split_name(std::string_view file_name);

// All the files of the model that `path` is, or is the first part of. An error for another part.
Result<std::vector<std::filesystem::path>> gguf_parts(const std::filesystem::path& path);

// Do the split.* fields of part `index` (from 0) of `count` agree with the files' names?
Status check_gguf_part(const GgufMetadata& metadata, int index, int count);

}  // namespace chitu
