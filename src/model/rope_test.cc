#include "model/rope.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "io/json.h"
#include "model/config_hf.h"

namespace chitu {
namespace {

// What the two families of the golden file leave unsaid.
constexpr FamilyTraits kPlain = {};
constexpr FamilyTraits kGlm = {.interleaved_rope = true, .partial_rotary_factor = 0.5};

// tests/golden/models/make_rope.py: transformers' frequencies of real configurations.
TEST(InverseFrequencies, AreThoseOfTransformers) {
  const std::string path =
      std::string(CHITU_SOURCE_DIR) + "/tests/golden/models/expected/rope.json";
  const auto golden = json::parse_file(path);
  ASSERT_TRUE(golden.ok()) << golden.error().message;
  int64_t values = 0;
  int64_t exact = 0;
  for (const json::Value& entry : golden->get_array()) {
    const json::Fields fields(entry.get_object());
    SCOPED_TRACE(*fields.string("name"));
    const json::Object& object = **fields.object("config");
    const bool glm = *json::Fields(object).string("model_type") == "glm";
    const auto config = read_hf_config(object, nullptr, glm ? kGlm : kPlain);
    ASSERT_TRUE(config.ok()) << config.error().message;
    EXPECT_DOUBLE_EQ(config->rope.attention_factor, *fields.number("attention_factor"));

    const std::vector<float> found = inverse_frequencies(config->rope);
    const json::Array& wanted = **fields.array("inv_freq");
    ASSERT_EQ(found.size(), wanted.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      const auto want = static_cast<float>(wanted[i].to_number<double>());
      EXPECT_FLOAT_EQ(found[i], want) << "dimension " << i;  // within 4 units in the last place
      exact += found[i] == want;
      ++values;
    }
  }
  // Two correct libraries round a few powers differently; more would be another formula.
  EXPECT_GE(exact, values * 97 / 100) << exact << " of " << values;
}

TEST(InverseFrequencies, AreDividedByTheFilesDivisors) {
  RopeConfig rope{.theta = 10000.0, .rotary_dim = 4};
  rope.frequency_divisors = {1.0F, 8.0F};
  const std::vector<float> frequencies = inverse_frequencies(rope);
  EXPECT_FLOAT_EQ(frequencies[0], 1.0F);
  EXPECT_FLOAT_EQ(frequencies[1], 0.01F / 8.0F);
}

TEST(RopeAngles, CarryTheLengthDependentScalingOnlyWhereThereIsOne) {
  RopeConfig rope{.theta = 5000.0, .rotary_dim = 8, .factor = 2.0, .original_max_position = 77};
  EXPECT_EQ(rope_angles(rope).ntk.original_len, 0);
  rope.scaling = RopeConfig::Scaling::kDynamicNtk;
  EXPECT_EQ(rope_angles(rope).ntk.original_len, 77);
  EXPECT_EQ(rope_angles(rope).ntk.factor, 2.0F);
  EXPECT_EQ(rope_angles(rope).ntk.theta, 5000.0F);
}

}  // namespace
}  // namespace chitu
