// What a file is instead of the checkpoint it should be.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace chitu {

// "this is a PyTorch pickle, which can run code and is never read; convert it to safetensors": by
// the file's first bytes, with what to do about it; empty if they are none of the usual mistakes.
std::string_view foreign_format(std::span<const std::byte> file);

}  // namespace chitu
