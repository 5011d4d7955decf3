// The GGUF format, versions 2 and 3, little endian: metadata, tensor descriptions, and the tensors'
// bytes from the next multiple of general.alignment on.
// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/gguf_metadata.h"
#include "io/tensor_entry.h"

namespace chitu {

inline constexpr std::string_view kGgufMagic = "GGUF";

struct GgufFile {
  uint32_t version = 0;
  GgufMetadata metadata;
  std::vector<TensorEntry> tensors;  // in the order of the file's descriptions; shapes outermost
                                     // first, the reverse of the file's
};

// A whole file in memory, or one part of a split model. Everything points into `file`.
// Errors for all that does not follow the format: wrong magic, version or byte order; counts,
// lengths and offsets past the end; unaligned or overlapping tensors; a key or tensor given twice;
// value or tensor types unknown here (named).
Result<GgufFile> parse_gguf(std::span<const std::byte> file);

}  // namespace chitu
