// What the text of FlashInfer's kernel needs so that a C++ compiler for CPUs takes it: one thread a block, so that
// what threads do together is what one does alone. Random numbers are ours, uniform in (0, 1] as curand_uniform's are.
#pragma once
#include <algorithm>
#include <cstdint>
#include <random>

#define __global__
#define __device__
#define __forceinline__ inline
#define __shared__
#define __align__(n) __attribute__((aligned(n)))
#define __syncthreads()
#define FLASHINFER_SAMPLING_LAUNCH_BOUNDS(n)
#define FLASHINFER_CUB_SUBTRACTLEFT_DEFINED

namespace flashinfer::sampling {

struct Index {
  uint32_t x = 0;
};
static Index blockIdx;
static Index threadIdx;
alignas(16) uint8_t smem_sampling[4096];

enum BlockScanAlgorithm { SCAN };
enum BlockReduceAlgorithm { REDUCE };

template <typename T, int THREADS, BlockReduceAlgorithm A>
struct BlockReduce {
  struct TempStorage {};
  BlockReduce(TempStorage&) {}
  template <int N>
  T Sum(T (&values)[N]) { T total = 0; for (T each : values) total += each; return total; }
  template <int N, typename Op>
  T Reduce(T (&values)[N], Op op) { T found = values[0]; for (T each : values) found = op(found, each); return found; }
};

template <typename T, int THREADS, BlockScanAlgorithm A>
struct BlockScan {
  struct TempStorage {};
  BlockScan(TempStorage&) {}
  template <int N>
  void InclusiveSum(T (&values)[N], T (&sums)[N]) { T total = 0; for (int i = 0; i < N; ++i) sums[i] = total += values[i]; }
};

template <typename T, int THREADS>
struct BlockAdjacentDifference {
  struct TempStorage {};
  BlockAdjacentDifference(TempStorage&) {}
  template <int N, typename Op>
  void SubtractLeft(T (&values)[N], T (&out)[N], Op op) {
    for (int i = N - 1; i > 0; --i) out[i] = op(values[i], values[i - 1]);
    out[0] = values[0];  // the first has nothing on its left
  }
};

struct MaxReduceOp {
  int operator()(int a, int b) const { return std::max(a, b); }
};

template <typename T, uint32_t N>
struct vec_t {
  T values[N];
  T& operator[](uint32_t i) { return values[i]; }
  void fill(T value) { std::fill_n(values, N, value); }
  void cast_load(const T* from) { std::copy_n(from, N, values); }
};

inline int32_t atomicMin(int32_t* at, int32_t value) { return std::exchange(*at, std::min(*at, value)); }
inline uint32_t ceil_div(uint32_t a, uint32_t b) { return (a + b - 1) / b; }
inline float max(float a, float b) { return a > b ? a : b; }

using curandStatePhilox4_32_10_t = std::mt19937_64;
inline void curand_init(uint64_t seed, uint64_t row, uint64_t, std::mt19937_64* state) {
  std::seed_seq words{uint32_t(seed), uint32_t(seed >> 32), uint32_t(row)};
  state->seed(words);
}
inline float curand_uniform(std::mt19937_64* state) { return float(((*state)() >> 40) + 1) * 0x1p-24f; }

template <uint32_t, uint32_t, BlockScanAlgorithm, BlockReduceAlgorithm, typename S>
void DeterministicInclusiveSum(const float*, float*, S*);  // for the option `deterministic`, which is not compiled here

}  // namespace flashinfer::sampling
