#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "base/result.h"

namespace chitu {

// All bytes of a regular file. Errors name the path: kNotFound; kIo for a directory, a pipe or what
// cannot be read; kResourceExhausted for more than `limit` bytes, of which none is then read.
Result<std::string> read_file(const std::filesystem::path& path, std::size_t limit);

}  // namespace chitu
