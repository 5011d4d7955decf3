#include <cmath>
#include <limits>

#include "harness.h"

namespace chitu::conformance {
namespace {

class Elementwise : public Conformance {};

// Odd widths exercise the tails of every vector length; many rows, several threads.
struct Form {
  int64_t rows;
  int64_t cols;
  int64_t padding;
};
constexpr Form kForms[] = {{1, 1, 0},  {1, 7, 0},   {3, 8, 2},    {2, 31, 1},
                           {5, 64, 0}, {1, 576, 0}, {70, 577, 7}, {400, 96, 0}};

TEST_P(Elementwise, RmsNorm) {
  for (const Form& f : kForms) {
    const Floats x = normal(f.rows * f.cols, 3.0F);
    const Floats weight = normal(f.cols);
    for (const bool in_place : {false, true}) {
      expect_same([&](Side& side) {
        const TensorRef in = side.activations(x, {f.rows, f.cols}, f.padding);
        const TensorRef y = in_place ? in : side.output({f.rows, f.cols}, f.padding);
        side.run(RmsNorm{.x = in, .weight = side.f32(weight, {f.cols}), .eps = 1e-5F, .y = y});
        side.expect_padding_untouched(y);
        return side.read(y);
      });
    }
  }
}

TEST_P(Elementwise, RmsNormOfTinyAndZeroRows) {
  for (const float sigma : {0.0F, 1e-6F}) {
    const Floats x = normal(2 * 40, sigma);
    expect_same([&](Side& side) {
      const TensorRef y = side.output({2, 40});
      side.run(RmsNorm{.x = side.activations(x, {2, 40}),
                       .weight = side.f32(Floats(40, 2.0F), {40}),
                       .eps = 1e-6F,
                       .y = y});
      return side.read(y);
    });
  }
}

TEST_P(Elementwise, Add) {
  for (const Form& f : kForms) {
    const Floats a = normal(f.rows * f.cols);
    const Floats b = normal(f.rows * f.cols);
    for (const int where : {0, 1, 2}) {  // y is a buffer of its own, a, or b
      expect_same([&](Side& side) {
        const TensorRef x = side.activations(a, {f.rows, f.cols}, f.padding);
        const TensorRef z = side.activations(b, {f.rows, f.cols});
        const TensorRef y = where == 0 ? side.output({f.rows, f.cols}) : where == 1 ? x : z;
        side.run(Add{.a = x, .b = z, .y = y});
        side.expect_padding_untouched(y);
        return side.read(y);
      });
    }
  }
}

TEST_P(Elementwise, AllReduceAddNorm) {
  for (const Form& f : kForms) {
    const Floats x = normal(f.rows * f.cols);
    const Floats residual = normal(f.rows * f.cols, 10.0F);
    const Floats weight = normal(f.cols);
    expect_same([&](Side& side) {
      const TensorRef r = side.f32(residual, {f.rows, f.cols});
      const TensorRef y = side.output({f.rows, f.cols}, f.padding);
      side.run(AllReduceAddNorm{.x = side.activations(x, {f.rows, f.cols}, f.padding),
                                .residual = r,
                                .weight = side.f32(weight, {f.cols}),
                                .eps = 1e-5F,
                                .y = y});
      side.expect_padding_untouched(y);
      Floats both = side.read(y);
      const Floats updated = side.read(r);
      both.insert(both.end(), updated.begin(), updated.end());
      return both;
    });
  }
}

TEST_P(Elementwise, GatedActivation) {
  for (const Activation activation :
       {Activation::kSilu, Activation::kGelu, Activation::kGeluTanh}) {
    for (const Form& f : kForms) {
      const Floats gate_up = normal(f.rows * f.cols * 2, 4.0F);
      expect_same([&](Side& side) {
        const TensorRef y = side.output({f.rows, f.cols}, f.padding);
        side.run(
            GatedActivation{.gate_up = side.activations(gate_up, {f.rows, 2 * f.cols}, f.padding),
                            .activation = activation,
                            .y = y});
        side.expect_padding_untouched(y);
        return side.read(y);
      });
    }
  }
}

TEST_P(Elementwise, GatedActivationOfExtremes) {
  const Floats gates = {-1e30F, -200.0F, -100.0F, -88.0F, -20.0F, -1e-20F,
                        0.0F,   1e-20F,  20.0F,   88.0F,  100.0F, 1e30F};
  for (const Activation activation :
       {Activation::kSilu, Activation::kGelu, Activation::kGeluTanh}) {
    Floats gate_up = gates;
    gate_up.resize(2 * gates.size(), 1.0F);
    const auto n = static_cast<int64_t>(gates.size());
    for (int64_t i = 0; i < n; ++i) {  // one at a time: large ones must not hide the others' errors
      expect_same([&](Side& side) {
        const TensorRef y = side.output({1, n});
        side.run(GatedActivation{
            .gate_up = side.activations(gate_up, {1, 2 * n}), .activation = activation, .y = y});
        // Anything within the smallest normal float of zero is zero enough.
        const float v = side.read(y)[static_cast<std::size_t>(i)];
        return Floats{v > -1e-30F && v < 1e-30F ? 0.0F : v};
      });
    }
  }
}

TEST_P(Elementwise, NanStaysNan) {
  for (const Activation activation :
       {Activation::kSilu, Activation::kGelu, Activation::kGeluTanh}) {
    Floats gate_up = normal(2 * 40);
    gate_up[3] = gate_up[40 + 38] = std::numeric_limits<float>::quiet_NaN();
    Side side(*device_, device_->activation_dtype());
    const TensorRef y = side.output({1, 40});
    side.run(GatedActivation{
        .gate_up = side.activations(gate_up, {1, 80}), .activation = activation, .y = y});
    side.run(Softcap{.x = y, .cap = 30.0F});
    const Floats values = side.read(y);
    for (int i = 0; i < 40; ++i) EXPECT_EQ(std::isnan(values[i]), i == 3 || i == 38) << i;
  }
}

TEST_P(Elementwise, GatherRows) {
  const Floats x = normal(9 * 33);
  expect_same([&](Side& side) {
    const TensorRef y = side.output({4, 33}, 2);
    side.run(
        GatherRows{.x = side.activations(x, {9, 33}, 3), .rows = side.ints({8, 0, 3, 3}), .y = y});
    side.expect_padding_untouched(y);
    return side.read(y);
  });
}

TEST_P(Elementwise, SoftcapAndScale) {
  for (const Form& f : kForms) {
    const Floats x = normal(f.rows * f.cols, 40.0F);
    expect_same([&](Side& side) {
      const TensorRef y = side.activations(x, {f.rows, f.cols}, f.padding);
      side.run(Softcap{.x = y, .cap = 30.0F});
      side.run(Scale{.x = y, .factor = 0.25F});
      side.expect_padding_untouched(y);
      return side.read(y);
    });
  }
}

class Rotary : public Conformance {
 protected:
  static Floats inv_freq(int64_t half) {
    Floats f(static_cast<std::size_t>(half));
    for (int64_t i = 0; i < half; ++i)
      f[i] = std::pow(10000.0F, -static_cast<float>(i) / static_cast<float>(half));
    return f;
  }
};

TEST_P(Rotary, Angles) {
  const Ints positions = {0, 1, 2, 100, 4095, 131071};
  for (const int64_t half : {1, 5, 32, 64}) {
    expect_same([&](Side& side) {
      const TensorRef cos = side.f32_output({6, half});
      const TensorRef sin = side.f32_output({6, half});
      side.run(RopeAngles{.positions = side.ints(positions),
                          .inv_freq = side.f32(inv_freq(half), {half}),
                          .scale = 1.3F,
                          .cos = cos,
                          .sin = sin});
      Floats both = side.read(cos);
      const Floats s = side.read(sin);
      both.insert(both.end(), s.begin(), s.end());
      return both;
    });
  }
}

TEST_P(Rotary, DynamicNtk) {
  const Ints positions = {0, 100, 2047, 2048, 5000};
  expect_same(
      [&](Side& side) {
        const TensorRef cos = side.f32_output({5, 32});
        const TensorRef sin = side.f32_output({5, 32});
        side.run(RopeAngles{.positions = side.ints(positions),
                            .inv_freq = side.f32(inv_freq(32), {32}),
                            .ntk = {.lens = side.ints({2048, 2048, 2049, 2049, 5001}),
                                    .theta = 10000,
                                    .factor = 2,
                                    .original_len = 2048},
                            .cos = cos,
                            .sin = sin});
        Floats both = side.read(cos);
        const Floats s = side.read(sin);
        both.insert(both.end(), s.begin(), s.end());
        return both;
      },
      2e-3);  // one rounding of a frequency turns an angle of 5000 by 3e-4
}

TEST_P(Rotary, RotatesInPlace) {
  for (const bool interleaved : {false, true}) {
    for (const int64_t tokens : {1, 6, 300}) {
      for (const auto& [head_dim, half] : {std::pair{64, 32}, std::pair{64, 16}, std::pair{10, 5},
                                           std::pair{7, 3}, std::pair{128, 64}}) {
        const int64_t heads = between(1, 5);
        const Floats x = normal(tokens * heads * head_dim);
        const Floats cos = normal(tokens * half);
        const Floats sin = normal(tokens * half);
        expect_same([&](Side& side) {
          const TensorRef y = side.activations(x, {tokens, heads * head_dim}, 11);
          side.run(Rope{.x = y,
                        .head_dim = head_dim,
                        .cos = side.f32(cos, {tokens, half}),
                        .sin = side.f32(sin, {tokens, half}),
                        .interleaved = interleaved});
          side.expect_padding_untouched(y);
          return side.read(y);
        });
      }
    }
  }
}

CHITU_CONFORMANCE_BACKENDS(Elementwise);
CHITU_CONFORMANCE_BACKENDS(Rotary);

}  // namespace
}  // namespace chitu::conformance
