#include "tensor/dtype.h"

#include <array>
#include <utility>

namespace chitu {
namespace {

constexpr std::array<DTypeInfo, kNumDTypes> kInfo = {{
    {"F32", 1, 4},         {"F16", 1, 2},         {"BF16", 1, 2},     {"I64", 1, 8},
    {"I32", 1, 4},         {"I16", 1, 2},         {"I8", 1, 1},       {"U8", 1, 1},
    {"BOOL", 1, 1},        {"F64", 1, 8},         {"F8_E4M3", 1, 1},  {"F8_E5M2", 1, 1},
    {"Q4_0", 32, 18},      {"Q4_1", 32, 20},      {"Q5_0", 32, 22},   {"Q5_1", 32, 24},
    {"Q8_0", 32, 34},      {"Q2_K", 256, 84},     {"Q3_K", 256, 110}, {"Q4_K", 256, 144},
    {"Q5_K", 256, 176},    {"Q6_K", 256, 210},    {"U4", 2, 1},       {"I4_G32", 32, 24},
    {"I4_G64", 64, 40},    {"I4_G128", 128, 72},  {"I8_G32", 32, 40}, {"I8_G64", 64, 72},
    {"I8_G128", 128, 136}, {"F8_G128", 128, 132},
}};

constexpr std::array<std::pair<std::string_view, DType>, 3> kLongNames = {{
    {"float32", DType::kF32},
    {"float16", DType::kF16},
    {"bfloat16", DType::kBF16},
}};

}  // namespace

const DTypeInfo& info(DType type) { return kInfo[static_cast<int>(type)]; }

std::optional<DType> dtype_from_name(std::string_view name) {
  for (int i = 0; i < kNumDTypes; ++i) {
    if (kInfo[i].name == name) return static_cast<DType>(i);
  }
  for (const auto& [long_name, type] : kLongNames) {
    if (long_name == name) return type;
  }
  return std::nullopt;
}

}  // namespace chitu
