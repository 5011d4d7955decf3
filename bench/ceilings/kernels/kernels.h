// The loops whose speed is a ceiling. Each source beside this header is built for one instruction
// set and must be called on a processor that has it only.
#pragma once

#include <cstddef>
#include <cstdint>

namespace chitu::ceilings {

// Computes `rounds` times kChains independent operations on registers.
using Burn = void (*)(int64_t rounds);
// Enough to hide a latency of six cycles at two operations a cycle; they and two operands fit the
// sixteen registers of AVX2.
inline constexpr int64_t kChains = 12;

void burn_fma_scalar(int64_t rounds);
void burn_fma_avx2(int64_t rounds);
void burn_fma_avx512(int64_t rounds);
void burn_int8_avx2(int64_t rounds);  // vpmaddubsw, vpaddw: what there is without vpdpbusd
void burn_int8_avx512(int64_t rounds);
void burn_bf16_avx512(int64_t rounds);  // vdpbf16ps
void burn_fp16_avx512(int64_t rounds);  // vfmadd...ph
void burn_vnni_256(int64_t rounds);     // vpdpbusd
void burn_vnni_512(int64_t rounds);

// Operations on tiles of 16 rows of 64 bytes; each configures its thread's tiles and frees them.
inline constexpr int64_t kTileChains = 4;
void burn_bf16_amx(int64_t rounds);  // tdpbf16ps
void burn_int8_amx(int64_t rounds);  // tdpbusd

// Reads all of [data, data + bytes); bytes is a multiple of 512. Returns what depends on all of it.
using Read = uint64_t (*)(const std::byte* data, std::size_t bytes);
uint64_t read_scalar(const std::byte* data, std::size_t bytes);
uint64_t read_avx2(const std::byte* data, std::size_t bytes);
uint64_t read_avx512(const std::byte* data, std::size_t bytes);

}  // namespace chitu::ceilings
