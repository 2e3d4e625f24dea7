// How does a GPU verify the drafts of B sequences?  With one block of threads a sequence, and of the 2K+1 rows of
// probabilities it reads two: row n of p and of q, where n is the first refused draft.  Read batched/verdicts.py
// first; this is the same function as one kernel.
//
//   1. K threads test one draft each: is u < min(1, p(x)/q(x))?  n is the first that is refused, or K.
//   2. All threads add up the residual max(0, p - q) of row n: its mass.
//   3. Inverse CDF: the token is the first at which the running sum, divided by the mass, exceeds u.  Threads cannot
//      share one running sum, so they descend: cut the row into a few segments, add each one up, find the segment in
//      which u falls, cut that one into segments, ... until it is so short that one thread can walk along it.
//
// Step 2 is the first cut of step 3, so the row is read about once.  Sums are in double, in an order that depends on
// nothing but V and the block's size: the same numbers give the same token, always.  u is only compared.

constexpr int LANES = 32;          // threads that add one segment up together, reading neighbouring numbers
constexpr int MAX_THREADS = 1024;  // of a block, whose size is a multiple of LANES and at least 2 LANES
constexpr int MAX_SEGMENTS = MAX_THREADS / LANES;

// A probability is stored as float, double or one of two 16-bit types.  These are taken apart here, so that the
// compiler's headers for them are not needed; float holds each of their numbers exactly.
struct Half { unsigned short bits; };      // 1 bit for the sign, 5 for the exponent, 10 for the mantissa
struct BFloat16 { unsigned short bits; };  // the upper half of a float

__device__ inline double wide(double x) { return x; }
__device__ inline float wide(float x) { return x; }
__device__ inline float wide(BFloat16 x) { return __uint_as_float((unsigned)x.bits << 16); }
__device__ inline float wide(Half x)
{
    // Exponent and mantissa moved to where a float has them read as a number 2^112 times too small (127 - 15 = 112).
    // The product is exact, for half's subnormal numbers too.  A probability has no sign.
    return __uint_as_float((unsigned)(x.bits & 0x7fff) << 13) * 5.192296858534828e33f;
}

// One row of the residual before it is normalised: max(0, p - q), or p itself where there is no q.
template <typename Row>
struct Excess
{
    const Row* p;
    const Row* q;

    __device__ double operator()(long long x) const
    {
        if (q == nullptr) return wide(p[x]);
        auto excess = wide(p[x]) - wide(q[x]);  // in float for rows of float, as the reference does
        return excess > 0 ? excess : 0;
    }
};

// What thread 0 has found out so far, for all threads to read.
struct Search
{
    int n;                 // accepted drafts
    bool is_residual;      // false: the weights are p
    long long begin, end;  // the token stands here
    double before;         // sum of the weights before begin
    double mass;           // what the running sum is divided by; 0 until it is known
};

// Walk along n weights from the sum `before`: find the first at which the running sum, divided by the mass, exceeds u
// and leave in `before` the sum of what stands before it.  Weights of zero are passed over, and if rounding hides the
// place it is the last of the others: what is found has a weight above zero.  -1 if there is none.
__device__ inline int find(const double* weights, int n, double* before, double mass, double u)
{
    int found = -1;
    double sum = *before;
    for (int i = 0; i < n; i++) {
        if (!(weights[i] > 0)) continue;
        found = i;
        *before = sum;
        sum += weights[i];
        if (u < sum / mass) break;
    }
    return found;
}

__device__ inline long long segment_width(const Search& search, int n_segments)
{
    return (search.end - search.begin + n_segments - 1) / n_segments;
}

// Test the drafts side by side and leave the first that is refused in `n`, which is their number if none is.
// p / q is written as acceptance.py writes it: exactly 1 where p >= q, and 0 where q is 0.
template <typename Row>
__device__ void test_drafts(
    const long long* tokens, const Row* q, const Row* p, const double* u, int n_drafts, long long V, int* n)
{
    for (int k = threadIdx.x; k < n_drafts; k += blockDim.x) {
        long long x = tokens[k];
        bool is_token = 0 <= x && x < V;  // what is no token is refused, and nothing beyond the row is read
        auto p_x = is_token ? wide(p[k * V + x]) : 0;
        auto q_x = is_token ? wide(q[k * V + x]) : 0;
        auto accept = q_x > 0 ? (p_x < q_x ? p_x : q_x) / q_x : 0;
        if (!(u[k] < accept)) atomicMin(n, k);
    }
}

// Cut the range into one segment for each group of LANES threads and add them up side by side.
template <typename Row>
__device__ void add_segments(const Search& search, const Excess<Row>& weight, double* lane_sums, double* sums)
{
    int thread = threadIdx.x, n_segments = blockDim.x / LANES;
    long long width = segment_width(search, n_segments);
    long long start = search.begin + thread / LANES * width;
    long long stop = start + width < search.end ? start + width : search.end;
    double sum = 0;
    for (long long x = start + thread % LANES; x < stop; x += LANES) sum += weight(x);
    lane_sums[thread] = sum;
    __syncthreads();  // every lane's sum is there
    if (thread < n_segments) {
        sum = 0;
        for (int lane = 0; lane < LANES; lane++) sum += lane_sums[thread * LANES + lane];
        sums[thread] = sum;
    }
    __syncthreads();  // every segment's sum is there
}

// Go into the segment in which u falls.  The first time the segments are those of the whole row and give its mass; if
// it is zero, p equals q up to rounding, and the residual is p.  Where nothing was drafted the weights are p and are
// not normalised again, so that u picks what it picks from p anywhere else (see acceptance.residual).
__device__ inline void descend(Search* search, const double* sums, int n_segments, double u, bool is_drafted)
{
    if (!is_drafted) search->mass = 1;
    if (search->mass == 0)
        for (int s = 0; s < n_segments; s++) search->mass += sums[s];
    if (search->mass == 0 && search->is_residual) {
        search->is_residual = false;
        return;
    }
    long long width = segment_width(*search, n_segments);
    int s = find(sums, n_segments, &search->before, search->mass, u);
    search->begin += s < 0 ? 0 : s * width;
    if (s < 0) search->end = search->begin;  // no probability anywhere: p is no distribution
    if (search->begin + width < search->end) search->end = search->begin + width;
}

// tokens (B, K), q (B, K, V), p (B, K+1, V), u_accept (B, K), u_emit (B,), n_drafts (B,)
// -> n_accepted (B,), token (B,), -1 where a row of p holds no probability.
// All arrays are contiguous; block b does sequence b.
template <typename Row>
__global__ void verify(
    const long long* tokens, const Row* q, const Row* p, const double* u_accept, const double* u_emit,
    const long long* n_drafts, long long* n_accepted, long long* token, int K, long long V)
{
    __shared__ Search search;
    __shared__ double lane_sums[MAX_THREADS], sums[MAX_SEGMENTS];
    long long b = blockIdx.x;
    int thread = threadIdx.x, drafts = n_drafts[b] < 0 ? 0 : n_drafts[b] < K ? (int)n_drafts[b] : K;
    tokens += b * K, u_accept += b * K, q += b * K * V, p += b * (K + 1) * V;

    if (thread == 0) search = {drafts, true, 0, V, 0, 0};
    __syncthreads();  // nobody lowers n before it is set
    test_drafts(tokens, q, p, u_accept, drafts, V, &search.n);
    __syncthreads();  // every draft is tested

    int n = search.n;
    const Row* q_n = n < drafts ? q + n * V : nullptr;  // after the last draft nothing was drafted: the weights are p
    Excess<Row> weight = {p + n * V, q_n};
    while (search.end - search.begin > (search.mass == 0 ? 0 : LANES)) {
        if (!search.is_residual) weight.q = nullptr;
        add_segments(search, weight, lane_sums, sums);
        if (thread == 0) descend(&search, sums, blockDim.x / LANES, u_emit[b], n < drafts);
        __syncthreads();  // thread 0 has narrowed the range
    }

    if (thread < search.end - search.begin) lane_sums[thread] = weight(search.begin + thread);
    __syncthreads();  // the last few weights are there
    if (thread == 0) {
        int i = find(lane_sums, (int)(search.end - search.begin), &search.before, search.mass, u_emit[b]);
        n_accepted[b] = n;
        token[b] = i < 0 ? -1 : search.begin + i;
    }
}
