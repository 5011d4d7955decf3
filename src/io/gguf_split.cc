#include "io/gguf_split.h"

#include <algorithm>
#include <charconv>

namespace chitu {
namespace {

constexpr std::size_t kDigits = 5;
constexpr std::string_view kOf = "-of-";
constexpr std::string_view kExtension = ".gguf";
constexpr int kMaxParts = 65535;  // split.count is a uint16

std::optional<int> five_digits(std::string_view text) {
  int value = 0;
  const char* end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || last != end || text[0] == '-') return std::nullopt;
  return value;
}

}  // namespace

std::optional<GgufSplitName> parse_gguf_split_name(std::string_view file_name) {
  // "-00001" "-of-" "00003" ".gguf"
  constexpr std::size_t kSuffix = 1 + kDigits + kOf.size() + kDigits + kExtension.size();
  if (file_name.size() <= kSuffix || !file_name.ends_with(kExtension)) return std::nullopt;
  const std::string_view suffix = file_name.substr(file_name.size() - kSuffix);
  if (suffix[0] != '-' || suffix.substr(1 + kDigits, kOf.size()) != kOf) return std::nullopt;
  const auto number = five_digits(suffix.substr(1, kDigits));
  const auto count = five_digits(suffix.substr(1 + kDigits + kOf.size(), kDigits));
  if (!number || !count || *number < 1 || *number > *count || *count > kMaxParts) {
    return std::nullopt;
  }
  return GgufSplitName{std::string(file_name.substr(0, file_name.size() - kSuffix)), *number,
                       *count};
}

Result<std::vector<std::filesystem::path>> gguf_parts(const std::filesystem::path& path) {
  const auto split = parse_gguf_split_name(path.filename().string());
  if (!split) return std::vector{path};
  const auto part = [&](int number) {
    return path.parent_path() /
           fmt::format("{}-{:05}-of-{:05}.gguf", split->prefix, number, split->count);
  };
  if (split->number != 1) {
    return make_error(ErrorCode::kInvalidArgument,
                      "{}: part {} of a split model; name the first part, {}", path.string(),
                      split->number, part(1).string());
  }
  std::vector<std::filesystem::path> parts;
  for (int number = 1; number <= split->count; ++number) {
    std::error_code code;
    if (!std::filesystem::exists(part(number), code)) {
      return make_error(ErrorCode::kNotFound, "{}: missing part {} of {}; fetch it",
                        part(number).string(), number, split->count);
    }
    parts.push_back(part(number));
  }
  return parts;
}

Status check_gguf_part(const GgufMetadata& metadata, int index, int count) {
  TRY(parts, metadata.integer_or("split.count", 0, 0, kMaxParts));
  if (count == 1 && parts == 0) return {};  // merged files say 0, and keep a split.no
  TRY(no, metadata.integer("split.no", 0, kMaxParts));
  if (no != index || parts != count) {
    return make_error(
        ErrorCode::kCorrupt,
        "split.no, split.count: part {} (from 0) of {}, but by its name part {} of {}; "
        "keep the names the parts were published under",
        no, parts, index, count);
  }
  return {};
}

}  // namespace chitu
