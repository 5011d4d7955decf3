// Binds the tensors of a checkpoint, by name, to the weights of a model.
//
// A model declares once what it is made of: bind() records a target and the slices of tensors that
// it consists of. Then verify() compares every name, shape and format with the file's headers,
// plan() adds up memory, and load() prepares everything in the order of the file.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "io/tensor_entry.h"
#include "model/load.h"
#include "model/plan.h"
#include "ops/ops.h"

namespace chitu {

// How a slice is shared out when a model runs on several ranks: by which dimension each rank reads
// its own part. With one rank every rank's part is the whole.
enum class Split : uint8_t {
  kReplicated,
  kColumn,      // by output features: rows of [out, in]
  kRow,         // by input features: columns of [out, in]; the ranks' results are summed
  kVocabulary,  // by token: rows of [vocab, dim]
};

// Consecutive rows of one tensor. Fused projections are several slices of the same tensor, because
// each of q, k and v is shared out by itself.
struct TensorSlice {
  std::string name;
  Shape shape;  // of the whole tensor
  int64_t row_begin = 0;
  int64_t rows = 0;
  Split split = Split::kReplicated;

  static TensorSlice whole(std::string name, const Shape& shape, Split split) {
    return {std::move(name), shape, 0, shape[0], split};
  }
};

class Binder {
 public:
  explicit Binder(const Checkpoint& checkpoint) : checkpoint_(&checkpoint) {}

  bool has(std::string_view tensor) const;

  // The slices stacked along their rows. Targets must stay where they are until after load().
  void bind(Weight& target, std::vector<TensorSlice> slices);
  // The same for a norm's weight or a bias: [rows], F32 whatever the file holds.
  void bind(TensorRef& target, std::vector<TensorSlice> slices);
  // A vector that is computed, not read.
  void bind(TensorRef& target, std::vector<float> values);
  // The model knows this tensor and has no use for it.
  void ignore(std::string tensor) { known_.insert(std::move(tensor)); }

  Status verify() const;

  // REQUIRES for all that follow: verify() succeeded.
  Result<WeightPlan> plan(const Ops& ops) const;

  enum class Values : uint8_t { kRead, kLeaveUnread };
  // Prepares every target. The result owns the vectors and must live as long as the targets are
  // used. With kLeaveUnread no value is read or uploaded, for operations that compute nothing.
  Result<Buffer> load(Ops& ops, const LoadOptions& options, Values values);

 private:
  struct Job {
    Weight* weight = nullptr;  // one of the two targets
    TensorRef* vector = nullptr;
    std::vector<TensorSlice> slices;
    std::vector<float> constants;
    int64_t vector_offset = 0;  // in floats, of the common buffer
    int64_t rows() const;
  };

  void add(Job job);
  Status verify(const TensorSlice& slice) const;
  std::vector<TensorRef> sources(const Job& job) const;
  std::vector<const Job*> in_file_order() const;
  Status prepare(const Job& job, const std::vector<TensorRef>& parts, Ops& ops) const;
  void upload(const Job& job, const std::vector<TensorRef>& parts, float* device, Ops& ops,
              Values values) const;

  const Checkpoint* checkpoint_;
  std::vector<Job> jobs_;
  int64_t vector_floats_ = 0;
  std::unordered_set<std::string> known_;
};

}  // namespace chitu
