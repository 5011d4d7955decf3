#include "io/foreign_format.h"

#include <array>

namespace chitu {
namespace {

struct Magic {
  std::string_view bytes;
  std::string_view advice;
};

using std::string_view_literals::operator""sv;

constexpr std::string_view kPickle =
    "this is a PyTorch pickle, which can run code and is never read; convert the checkpoint to "
    "safetensors";
constexpr std::string_view kWebPage =
    "this is a web page, not a checkpoint; download the file itself";

constexpr std::array kMagics = {
    Magic{"PK\x03\x04"sv, kPickle},  // torch.save since 1.6: a zip archive
    Magic{"\x80\x02"sv, kPickle},
    Magic{"\x80\x04"sv, kPickle},
    Magic{"GGUF"sv, "this is a GGUF file; name it *.gguf"},
    Magic{"ggml"sv, "this is a file of the format before GGUF; convert the model again"},
    Magic{"lmgg"sv, "this is a file of the format before GGUF; convert the model again"},
    Magic{"tjgg"sv, "this is a file of the format before GGUF; convert the model again"},
    Magic{"version https://git-lfs"sv,
          "this is a Git LFS pointer, not the file it points to; run git lfs pull"},
    Magic{"<!DOCTYPE"sv, kWebPage},
    Magic{"<!doctype"sv, kWebPage},
    Magic{"<html"sv, kWebPage},
    Magic{"\x89HDF"sv, "this is an HDF5 file; convert the checkpoint to safetensors"},
};

}  // namespace

std::string_view foreign_format(std::span<const std::byte> file) {
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  for (const Magic& magic : kMagics) {
    if (text.starts_with(magic.bytes)) return magic.advice;
  }
  return {};
}

}  // namespace chitu
