#include "model/binder.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <tuple>
#include <utility>

#include "base/round_up.h"
#include "io/checkpoint.h"
#include "tensor/format/decode.h"

namespace chitu {
namespace {

constexpr int64_t kVectorAlignment = Arena::kAlignment / sizeof(float);

// How much the disk reads ahead of the weight that is being prepared: enough to keep a fast disk
// busy while the processor works, counted in bytes because a norm is no work to hide a read behind.
constexpr int64_t kReadAheadBytes = int64_t{256} << 20;

// The slice's part of the file. Vectors are sliced by elements, matrices by rows.
TensorRef part_of(const TensorEntry& entry, const TensorSlice& slice) {
  if (entry.data.shape.rank() == 1) return entry.data.col_slice(slice.row_begin, slice.rows);
  return entry.data.row_slice(slice.row_begin, slice.rows);
}

int64_t bytes_of(const TensorRef& data) { return bytes_for(data.dtype, data.shape.elements()); }

int64_t bytes_of(const std::vector<TensorRef>& parts) {
  int64_t bytes = 0;
  for (const TensorRef& part : parts) bytes += bytes_of(part);
  return bytes;
}

bool continues(const TensorSlice& slice, const TensorSlice& previous) {
  return slice.name == previous.name && slice.row_begin == previous.row_begin + previous.rows;
}

// Tables that are part of the configuration, or follow from it.
bool is_derived(std::string_view name) {
  return name.ends_with(".inv_freq") || name == "rope_freqs.weight";
}

}  // namespace

int64_t Binder::Job::rows() const {
  auto n = static_cast<int64_t>(constants.size());
  for (const TensorSlice& slice : slices) n += slice.rows;
  return n;
}

bool Binder::has(std::string_view tensor) const { return checkpoint_->find(tensor) != nullptr; }

void Binder::add(Job job) {
  for (const TensorSlice& slice : job.slices) known_.insert(slice.name);
  if (job.vector != nullptr) {
    job.vector_offset = vector_floats_;
    vector_floats_ += round_up(job.rows(), kVectorAlignment);
  }
  jobs_.push_back(std::move(job));
}

void Binder::bind(Weight& target, std::vector<TensorSlice> slices) {
  add({.weight = &target, .slices = std::move(slices)});
}

void Binder::bind(TensorRef& target, std::vector<TensorSlice> slices) {
  add({.vector = &target, .slices = std::move(slices)});
}

void Binder::bind(TensorRef& target, std::vector<float> values) {
  add({.vector = &target, .constants = std::move(values)});
}

Status Binder::verify() const {
  for (const Job& job : jobs_) {
    for (const TensorSlice& slice : job.slices) TRY_STATUS(verify(slice));
  }
  return {};
}

Status Binder::verify(const TensorSlice& slice) const {
  const TensorEntry* entry = checkpoint_->find(slice.name);
  if (entry == nullptr) {
    return make_error(ErrorCode::kNotFound,
                      "tensor \"{}\" is missing; a file of the checkpoint may be missing, or its "
                      "configuration may be another model's",
                      slice.name);
  }
  if (entry->data.shape != slice.shape) {
    return make_error(ErrorCode::kCorrupt,
                      "tensor \"{}\" has shape {} where the configuration says {}", slice.name,
                      to_string(entry->data.shape), to_string(slice.shape));
  }
  if (!can_decode(entry->data.dtype)) {
    return make_error(ErrorCode::kUnsupported,
                      "tensor \"{}\" is in format {}, which is not one of a model's weights that "
                      "this version reads; convert the checkpoint to BF16, F16 or F32",
                      slice.name, name(entry->data.dtype));
  }
  return {};
}

// Neighbouring slices of one tensor become one part again, for a kernel to run over them at once.
std::vector<TensorRef> Binder::sources(const Job& job) const {
  std::vector<TensorRef> parts;
  TensorSlice run;
  const auto finish = [&] {
    if (run.rows > 0) parts.push_back(part_of(*checkpoint_->find(run.name), run));
  };
  for (const TensorSlice& slice : job.slices) {
    if (continues(slice, run)) {
      run.rows += slice.rows;
      continue;
    }
    finish();
    run = slice;
  }
  finish();
  return parts;
}

Result<WeightPlan> Binder::plan(const Ops& ops) const {
  WeightPlan plan;
  std::map<DType, WeightPlan::Format> formats;
  for (const Job& job : jobs_) {
    for (const TensorRef& part : sources(job)) {
      WeightPlan::Format& format = formats[part.dtype];
      int64_t prepared = part.shape.elements() * static_cast<int64_t>(sizeof(float));
      if (job.weight != nullptr) {
        TRY(bytes, ops.prepared_bytes(part.dtype, part.rows(), part.cols()));
        prepared = bytes;
      }
      format.format = part.dtype;
      format.tensors += 1;
      format.file_bytes += bytes_of(part);
      format.prepared_bytes += prepared;
      plan.parameters += part.shape.elements();
    }
  }
  for (const auto& [type, format] : formats) {
    plan.file_bytes += format.file_bytes;
    plan.prepared_bytes += format.prepared_bytes;
    plan.formats.push_back(format);
  }
  std::sort(plan.formats.begin(), plan.formats.end(),
            [](const auto& a, const auto& b) { return a.file_bytes > b.file_bytes; });
  for (const TensorEntry& entry : checkpoint_->tensors()) {
    if (!known_.contains(entry.name) && !is_derived(entry.name)) {
      plan.unused_tensors.push_back(entry.name);
    }
  }
  return plan;
}

// Reading forwards lets the kernel read ahead; a weight of several tensors stands where its first
// one does.
std::vector<const Binder::Job*> Binder::in_file_order() const {
  struct Placed {
    int file = -1;
    const void* data = nullptr;
    const Job* job = nullptr;
    bool operator<(const Placed& other) const {
      return std::tie(file, data) < std::tie(other.file, other.data);
    }
  };
  std::vector<Placed> placed;
  for (const Job& job : jobs_) {
    Placed first{.job = &job};
    for (const TensorSlice& slice : job.slices) {
      const TensorEntry* entry = checkpoint_->find(slice.name);
      const Placed here{entry->file, entry->data.data, &job};
      if (first.file < 0 || here < first) first = here;
    }
    placed.push_back(first);
  }
  std::sort(placed.begin(), placed.end());
  std::vector<const Job*> jobs;
  for (const Placed& p : placed) jobs.push_back(p.job);
  return jobs;
}

Result<Buffer> Binder::load(Ops& ops, const LoadOptions& options, Values values) {
  TRY(vectors, ops.allocate(static_cast<std::size_t>(vector_floats_) * sizeof(float)));
  auto* floats = static_cast<float*>(vectors.data());
  const std::vector<const Job*> jobs = in_file_order();
  std::vector<std::vector<TensorRef>> parts;
  LoadProgress progress;
  for (const Job* job : jobs) {
    parts.push_back(sources(*job));
    progress.bytes_total += bytes_of(parts.back());
  }
  const auto report = [&] {
    if (options.on_progress) options.on_progress(progress);
  };
  report();
  int64_t asked_for = 0;
  std::size_t next = 0;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const Job& job = *jobs[i];
    const bool read = values == Values::kRead;
    for (; read && next < jobs.size() && asked_for < progress.bytes_done + kReadAheadBytes;
         ++next) {
      for (const TensorRef& part : parts[next]) checkpoint_->will_need(part);
      asked_for += bytes_of(parts[next]);
    }
    if (job.weight != nullptr) {
      TRY_STATUS(prepare(job, parts[i], ops));
    } else {
      upload(job, parts[i], floats + job.vector_offset, ops, values);
    }
    if (!read) continue;
    for (const TensorRef& part : parts[i]) checkpoint_->release(part);
    progress.bytes_done += bytes_of(parts[i]);
    report();
  }
  TRY_STATUS(ops.synchronize());
  return vectors;
}

Status Binder::prepare(const Job& job, const std::vector<TensorRef>& parts, Ops& ops) const {
  const auto release = [this](const TensorRef& rows) { checkpoint_->release(rows); };
  Result<Weight> weight = ops.prepare({.parts = parts, .copied = release});
  if (!weight) {
    return std::move(weight).error().within(fmt::format("tensor \"{}\"", job.slices[0].name));
  }
  *job.weight = std::move(*weight);
  return {};
}

void Binder::upload(const Job& job, const std::vector<TensorRef>& parts, float* device, Ops& ops,
                    Values values) const {
  *job.vector = TensorRef::contiguous(device, DType::kF32, Shape{job.rows()});
  if (values == Values::kLeaveUnread) return;
  std::vector<float> host = job.constants;
  for (const TensorRef& part : parts) {
    const std::size_t begin = host.size();
    host.resize(begin + static_cast<std::size_t>(part.shape.elements()));
    decode(part.dtype, part.data, host.data() + begin, part.shape.elements());
  }
  ops.upload(device, host.data(), host.size() * sizeof(float));
}

}  // namespace chitu
