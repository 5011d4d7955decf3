// Draws one token for each row; a team of blocks a row.
#include "backend/cuda/kernels/sample/select.cuh"

namespace chitu::cuda {
namespace {

// The rank from which on min_p keeps tokens: p >= min_p, of probabilities of which the largest is
// 1, is logit >= largest + temperature * log(min_p).
__device__ uint64_t limit_of_min_p(const SampleRow& params, float largest) {
  float least = largest;
  if (isfinite(largest)) least = fminf(largest, __double2float_ru(largest + params.min_p_distance));
  return uint64_t{key_of(number(least))} << 32;
}

// The rank of the last token that the filters keep. Each keeps the first tokens by rank.
template <int kBlocks>
__device__ uint64_t limit_of(const RowTeam<kBlocks>& team, SelectStorage& storage,
                             const RowView& row, const SampleRow& params, const Softmax& softmax,
                             int vocab) {
  using Unit = Wanted::Unit;
  const bool has_top_k = params.top_k > 0 && params.top_k < vocab;
  const bool has_top_p = params.top_p < 1.0F;
  uint64_t limit = params.has_min_p ? limit_of_min_p(params, softmax.largest) : 0;
  if (!has_top_k && !has_top_p) return limit;

  Selection<kBlocks> selection(team, storage, row, softmax);
  Wanted wanted{Unit::kShare, 1, params.top_p};
  if (has_top_k) wanted = {Unit::kTokens, static_cast<uint64_t>(params.top_k)};
#pragma unroll 1  // find() is most of the kernel: once is enough
  for (bool both = has_top_k && has_top_p;; both = false) {
    const auto found = selection.find(wanted);
    limit = max(limit, found.rank);
    if (!both) return limit;
    if (found.has_all) {
      const uint64_t weight = selection.weight_of_first(params.top_k);
      return max(limit, selection.first_that_make(Wanted::of_weight(params.top_p, weight)));
    }
    const uint64_t weight = selection.weight_until(found.rank);
    wanted = {Unit::kWeight, Wanted::of_weight(params.top_p, weight)};
  }
}

// The first token, by id, at which the sum of the weights exceeds u times their sum.
template <int kBlocks>
__device__ int draw(const RowTeam<kBlocks>& team, const RowView& row, uint64_t uniform,
                    const Softmax& softmax, uint64_t limit) {
  return locate(
      team, row,
      [&](float x, int id) { return rank_of(x, id) >= limit ? softmax.weight(x) : uint64_t{0}; },
      [&](uint64_t sum) { return __umul64hi(uniform, sum); });
}

// Column 0 of the log-probabilities: of the token drawn, whose logit may have been adjusted since.
template <int kBlocks>
__device__ void write_logprob(const RowTeam<kBlocks>& team, const RowView& row,
                              const SampleArgs& args, const SampleRow& params, int id) {
  uint64_t first = 0;  // complement of the index of its first adjustment
  for (int i = params.adjustments_begin + static_cast<int>(threadIdx.x); i < params.adjustments_end;
       i += kTeamThreads) {
    if (args.adjustments[i].token == id) first = max(first, uint64_t{~static_cast<uint32_t>(i)});
  }
  first = team.block_combine(first, Largest{});
  if (team.rank() != 0 || threadIdx.x != 0) return;
  const float logit = number(first != 0 ? args.before[~static_cast<uint32_t>(first)] : row.at(id));
  const SampleLogSoftmax of_row = args.log_softmax[team.row()];
  args.logprob_ids[team.row() * args.logprob_ids_stride] = id;
  args.logprobs[team.row() * args.logprobs_stride] = log_probability(of_row, logit);
}

template <int kBlocks>
__global__ void __launch_bounds__(kTeamThreads) sample_kernel(SampleArgs args) {
  __shared__ TeamStorage team_storage;
  __shared__ SelectStorage select_storage;
  const RowTeam<kBlocks> team(team_storage);
  const SampleRow params = args.params[team.row()];
  const RowView row(args, team.row(), RowTeam<kBlocks>::kWarps);

  const uint64_t largest = find_largest(team, row);
  int id = id_of(largest);
  if (params.inverse_temperature > 0.0F) {
    const Softmax softmax{number_of(largest), params.inverse_temperature};
    const uint64_t limit = limit_of(team, select_storage, row, params, softmax, args.vocab);
    id = draw(team, row, params.uniform, softmax, limit);
  }
  if (team.rank() == 0 && threadIdx.x == 0) args.ids[team.row()] = id;
  if (params.top_logprobs >= 0) write_logprob(team, row, args, params, id);
  team.sync();
}

// Of steps whose rows all take their largest logit: one pass, and nothing to know about a row.
template <int kBlocks>
__global__ void __launch_bounds__(kTeamThreads) greedy_kernel(SampleArgs args) {
  __shared__ TeamStorage team_storage;
  const RowTeam<kBlocks> team(team_storage);
  const RowView row(args, team.row(), RowTeam<kBlocks>::kWarps);
  const uint64_t largest = find_largest(team, row);
  if (team.rank() == 0 && threadIdx.x == 0) args.ids[team.row()] = id_of(largest);
  team.sync();
}

template <int kBlocks>
void launch(const SampleArgs& args, cudaStream_t stream) {
  cudaLaunchAttribute cluster{};
  cluster.id = cudaLaunchAttributeClusterDimension;
  cluster.val.clusterDim.x = kBlocks;
  cluster.val.clusterDim.y = 1;
  cluster.val.clusterDim.z = 1;
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(static_cast<unsigned>(args.rows) * kBlocks);
  config.blockDim = dim3(kTeamThreads);
  config.stream = stream;
  config.attrs = &cluster;
  config.numAttrs = kBlocks > 1 ? 1 : 0;
  // An error stays to be peeked at.
  static_cast<void>(cudaLaunchKernelEx(
      &config, args.params == nullptr ? greedy_kernel<kBlocks> : sample_kernel<kBlocks>, args));
}

// A row is read by one multiprocessor at about a fortieth of what the device can; where there are
// few rows, each gets several.
struct TeamSize {
  int blocks;
  int min_sm;
  void (*launch)(const SampleArgs& args, cudaStream_t stream);
};
constexpr TeamSize kTeamSizes[] = {
    {8, 90, launch<8>},
    {2, 90, launch<2>},
    {1, 0, launch<1>},
};

}  // namespace

void launch_sample(const SampleArgs& args, const SampleDevice& device) {
  for (const TeamSize& size : kTeamSizes) {
    const bool fits = int64_t{args.rows} * size.blocks <= device.multiprocessors;
    if (device.sm >= size.min_sm && (fits || size.blocks == 1))
      return size.launch(args, device.stream);
  }
}

}  // namespace chitu::cuda
