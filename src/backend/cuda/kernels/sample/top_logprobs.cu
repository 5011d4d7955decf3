// log_softmax of rows as they came: its largest logit and the logarithm of its sum, and the
// likeliest tokens; a block a row.
#include <cmath>

#include "backend/cuda/kernels/sample/row_values.cuh"

namespace chitu::cuda {
namespace {

using Team = RowTeam<1>;

// Where the largest logit is infinite, those like it share everything: all others are equal.
struct RankOf {
  float largest;
  __device__ uint64_t operator()(float number, int id) const {
    return rank_of(isinf(largest) && number != largest ? kLeast : number, id);
  }
};

// Of the tokens of one lane of this warp, found by all of its lanes: the greatest rank below
// `rank`, or 0.
__device__ uint64_t next_of_lane(const Team& team, const RowView& row, RankOf rank_of, int lane,
                                 uint64_t rank) {
  const PieceRange range = row.of_warp(team.team_warp());
  uint64_t next = 0;
  row.for_each(range.begin + lane + team.lane() * kWarp, range.end, kWarp * kWarp,
               [&](float x, int id) {
                 const uint64_t other = rank_of(x, id);
                 if (other < rank && other > next) next = other;
               });
  return warp_combine(next, Largest{});
}

__global__ void __launch_bounds__(kTeamThreads) top_logprobs_kernel(SampleArgs args) {
  __shared__ TeamStorage storage;
  const Team team(storage);
  const int top = args.params[team.row()].top_logprobs;
  if (top < 0) return;
  const RowView row(args, team.row(), Team::kWarps);

  const Softmax softmax{number_of(find_largest(team, row)), 1.0F};
  const RankOf rank_of{softmax.largest};
  uint64_t sum = 0;
  uint64_t own = 0;  // the greatest rank of this thread's tokens that has not been written
  row.for_each(team, [&](float x, int id) {
    sum += softmax.weight(x);
    own = max(own, rank_of(x, id));
  });
  sum = team.combine(sum, Sum{});
  const SampleLogSoftmax of_row{
      softmax.largest, static_cast<float>(log(ldexp(static_cast<double>(sum), -kOneBits)))};
  if (threadIdx.x == 0) args.log_softmax[team.row()] = of_row;

  int32_t* const ids = args.logprob_ids + team.row() * args.logprob_ids_stride;
  float* const logprobs = args.logprobs + team.row() * args.logprobs_stride;
  for (int i = 1; i <= top; ++i) {
    const uint64_t winner = team.combine(own, Largest{});
    if (threadIdx.x == 0) {
      ids[i] = winner == 0 ? -1 : id_of(winner);
      if (winner != 0) logprobs[i] = log_probability(of_row, number_of(winner));
    }
    if (winner == 0 || i == top) continue;
    const unsigned owner = __ballot_sync(kAllLanes, own == winner);
    if (owner != 0) {
      const int lane = __ffs(static_cast<int>(owner)) - 1;
      const uint64_t next = next_of_lane(team, row, rank_of, lane, winner);
      if (team.lane() == lane) own = next;
    }
  }
}

}  // namespace

void launch_top_logprobs(const SampleArgs& args, const SampleDevice& device) {
  top_logprobs_kernel<<<static_cast<unsigned>(args.rows), kTeamThreads, 0, device.stream>>>(args);
}

}  // namespace chitu::cuda
