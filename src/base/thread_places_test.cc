#include "base/thread_places.h"

#include <gtest/gtest.h>

namespace chitu {
namespace {

const std::vector<CpuList> kTwoNodes = {{0, 1, 2, 3}, {4, 5, 6, 7}};
const CpuList kEight = {0, 1, 2, 3, 4, 5, 6, 7};

std::vector<int> nodes_of(const std::vector<ThreadPlace>& places) {
  std::vector<int> nodes;
  for (const ThreadPlace& place : places) nodes.push_back(place.node);
  return nodes;
}

TEST(ThreadPlaces, OneNodePinsOnlyAThreadForEachCpu) {
  const CpuList cpus = {2, 3, 5};
  EXPECT_EQ(thread_places(3, cpus, {}, Pin::kAuto),
            (std::vector<ThreadPlace>{{0, {}}, {0, {3}}, {0, {5}}}));
  for (const int threads : {1, 2, 4}) {
    EXPECT_EQ(thread_places(threads, cpus, {}, Pin::kAuto),
              std::vector<ThreadPlace>(static_cast<std::size_t>(threads)));
  }
  EXPECT_EQ(thread_places(3, cpus, {}, Pin::kOff), std::vector<ThreadPlace>(3));
}

TEST(ThreadPlaces, PinsAnyNumberWhenTold) {
  const CpuList cpus = {2, 3, 5};
  EXPECT_EQ(thread_places(2, cpus, {}, Pin::kOn), (std::vector<ThreadPlace>{{0, {}}, {0, {3}}}));
  EXPECT_EQ(thread_places(5, cpus, {}, Pin::kOn),
            (std::vector<ThreadPlace>{{0, {}}, {0, {3}}, {0, {5}}, {0, {2}}, {0, {3}}}));
}

TEST(ThreadPlaces, SpreadsOverNodes) {
  EXPECT_EQ(thread_places(4, kEight, kTwoNodes, Pin::kAuto),
            (std::vector<ThreadPlace>{
                {0, kTwoNodes[0]}, {0, kTwoNodes[0]}, {1, kTwoNodes[1]}, {1, kTwoNodes[1]}}));
  EXPECT_EQ(thread_places(4, kEight, kTwoNodes, Pin::kOn),
            (std::vector<ThreadPlace>{{0, kTwoNodes[0]}, {0, {1}}, {1, {4}}, {1, {5}}}));
  const std::vector<ThreadPlace> all = thread_places(8, kEight, kTwoNodes, Pin::kAuto);
  EXPECT_EQ(nodes_of(all), (std::vector<int>{0, 0, 0, 0, 1, 1, 1, 1}));
  for (std::size_t i = 1; i < 8; ++i) EXPECT_EQ(all[i].cpus, CpuList{static_cast<int>(i)});
  EXPECT_EQ(nodes_of(thread_places(16, kEight, kTwoNodes, Pin::kAuto))[8], 1);
}

TEST(ThreadPlaces, SpreadsInProportionToTheAllowedCpus) {
  // As taskset would leave them: six of the first node's and two of the second's.
  const std::vector<CpuList> nodes = {{0, 1, 2, 3, 4, 5, 6, 7}, {8, 9, 10, 11, 12, 13, 14, 15}};
  const CpuList allowed = {1, 2, 3, 4, 5, 6, 14, 15};
  EXPECT_EQ(nodes_of(thread_places(4, allowed, nodes, Pin::kAuto)), (std::vector<int>{0, 0, 0, 1}));
  EXPECT_EQ(thread_places(8, allowed, nodes, Pin::kAuto)[6], (ThreadPlace{1, {14}}));
  // One node alone is no reason to bind.
  EXPECT_EQ(thread_places(2, {9, 10, 11}, nodes, Pin::kAuto), std::vector<ThreadPlace>(2));
}

TEST(ThreadPlaces, NodesInterleavedByNumber) {
  const std::vector<CpuList> nodes = {{0, 2}, {1, 3}};
  EXPECT_EQ(thread_places(4, {0, 1, 2, 3}, nodes, Pin::kAuto),
            (std::vector<ThreadPlace>{{0, {0, 2}}, {0, {2}}, {1, {1}}, {1, {3}}}));
}

TEST(ThreadPlaces, FewerThreadsThanNodesAreLeftAlone) {
  EXPECT_EQ(thread_places(1, kEight, kTwoNodes, Pin::kAuto), std::vector<ThreadPlace>(1));
}

TEST(ThreadPlaces, WithoutKnowledgeOfTheNodesThereIsOne) {
  const std::vector<CpuList> none_of_7 = {{0, 1, 2, 3}, {4, 5, 6}};
  const std::vector<CpuList> twice_3 = {{0, 1, 2, 3}, {3, 4, 5, 6, 7}};
  for (const auto& nodes : {none_of_7, twice_3}) {
    EXPECT_EQ(thread_places(4, kEight, nodes, Pin::kAuto), std::vector<ThreadPlace>(4));
  }
  EXPECT_EQ(thread_places(4, {}, kTwoNodes, Pin::kOn), std::vector<ThreadPlace>(4));
}

}  // namespace
}  // namespace chitu
