// Fused operations composed of primitives, for back ends that have no kernel of their own yet.
#pragma once

#include "ops/descs.h"
#include "ops/ops.h"

namespace chitu::fallback {

void run(Ops& ops, const AllReduceAddNorm& op);
void run(Ops& ops, const RopeStoreKv& op);

}  // namespace chitu::fallback
