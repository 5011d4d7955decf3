// Finding, splitting and replacing in strings: the parts that methods and filters share.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "text/jinja/runtime.h"

namespace chitu::jinja {

// The places where a text contains another, none over the one before, beginning at either end. In
// time that is linear in both texts (Knuth, Morris and Pratt), which the budget pays.
class Matches {
 public:
  enum class From : uint8_t { kLeft, kRight };
  static constexpr size_t kNone = std::string_view::npos;

  // Refers to both. An empty `needle` is always found at the end where the search begins.
  Matches(std::string_view text, std::string_view needle, From from, Meter& meter);

  size_t next();  // where the next match begins; kNone when there is none

 private:
  template <From kFrom>
  void prepare();
  template <From kFrom>
  size_t search();

  std::string_view text_, needle_;
  From from_;
  Meter& meter_;
  size_t seen_ = 0;  // bytes of the text, from that end
  Charge charge_;
  // Of each beginning of the needle, the longest end that is another beginning of it.
  std::vector<uint32_t> border_;
};

// str.replace: at most `count` times, a negative count for all. An empty `old` stands between all
// characters.
Value replace(const Value& text, std::string_view old, std::string_view replacement, int64_t count,
              Runtime& rt);

// str.strip with a set of characters, or white space without one, in linear time.
enum class Side : uint8_t { kBoth, kLeft, kRight };
std::string_view strip(std::string_view s, Side side);
std::string_view strip(std::string_view s, Side side, std::string_view characters);

}  // namespace chitu::jinja
