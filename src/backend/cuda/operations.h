// One function an operation, and the workspace of those that need any. ops/descs.h says what each
// computes. None waits for the device: failures go into the context.
#pragma once

#include <cstdint>

#include "backend/cuda/context.h"
#include "ops/descs.h"

namespace chitu::cuda {

// linear.cc
void run(Context& context, const Linear& op);
int64_t workspace_bytes(const Context& context, const Linear& op);

// attention.cc
void run(Context& context, const Attention& op);
int64_t workspace_bytes(const Context& context, const Attention& op);

// sample.cc
void run(Context& context, const Sample& op);
int64_t workspace_bytes(const Context& context, const Sample& op);

// kernels/{embed,norm,elementwise,rope,store_kv}.cu
void run(Context& context, const Embed& op);
void run(Context& context, const RmsNorm& op);
void run(Context& context, const Add& op);
void run(Context& context, const GatedActivation& op);
void run(Context& context, const RopeAngles& op);
void run(Context& context, const Rope& op);
void run(Context& context, const StoreKv& op);
void run(Context& context, const GatherRows& op);
void run(Context& context, const Softcap& op);
void run(Context& context, const Scale& op);
void run(Context& context, const AllReduceAddNorm& op);
void run(Context& context, const RopeStoreKv& op);

}  // namespace chitu::cuda
