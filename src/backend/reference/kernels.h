// One function an operation; ops/descs.h says what each computes.
#pragma once

#include "ops/descs.h"

namespace chitu::reference {

// Matrices (matrix.cc)
void run(const Embed& op);
void run(const Linear& op);

// Rows and elements (elementwise.cc)
void run(const RmsNorm& op);
void run(const Add& op);
void run(const GatedActivation& op);
void run(const RopeAngles& op);
void run(const Rope& op);
void run(const GatherRows& op);
void run(const Softcap& op);
void run(const Scale& op);

// The cache (attention.cc)
void run(const StoreKv& op);
void run(const Attention& op);

// Tokens (sample.cc)
void run(const Sample& op);

}  // namespace chitu::reference
