#include "base/thread_places.h"

#include <algorithm>
#include <iterator>

namespace chitu {
namespace {

// What is allowed of each node, the nodes without any left out; all in one when not every allowed
// CPU is in exactly one node, so that nothing is known.
std::vector<CpuList> allowed_nodes(const CpuList& allowed, const std::vector<CpuList>& nodes) {
  std::vector<CpuList> found;
  std::size_t cpus = 0;
  for (const CpuList& node : nodes) {
    CpuList both;
    std::set_intersection(node.begin(), node.end(), allowed.begin(), allowed.end(),
                          std::back_inserter(both));
    cpus += both.size();
    if (!both.empty()) found.push_back(std::move(both));
  }
  if (cpus != allowed.size()) return {allowed};
  return found;
}

}  // namespace

std::vector<ThreadPlace> thread_places(int num_threads, const CpuList& allowed,
                                       const std::vector<CpuList>& nodes, Pin pin) {
  std::vector<ThreadPlace> places(static_cast<std::size_t>(num_threads));
  if (allowed.empty()) return places;
  std::vector<CpuList> found = allowed_nodes(allowed, nodes);
  if (found.size() > places.size()) found = {allowed};
  // With fewer threads than CPUs the system chooses better: two processes that both took the first
  // ones would share them while others idle.
  const bool pinned = pin == Pin::kOn || (pin == Pin::kAuto && places.size() == allowed.size());
  std::size_t thread = 0;
  std::size_t cpus = 0;
  for (std::size_t node = 0; node < found.size(); ++node) {
    const CpuList& list = found[node];
    cpus += list.size();
    const std::size_t first = thread;
    for (; thread < places.size() * cpus / allowed.size(); ++thread) {
      places[thread].node = static_cast<int>(node);
      if (pinned && thread > 0) {
        places[thread].cpus = {list[(thread - first) % list.size()]};
      } else if (found.size() > 1) {
        places[thread].cpus = list;
      }
    }
  }
  return places;
}

}  // namespace chitu
