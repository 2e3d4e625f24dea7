// Runs the kernel in verify.cu on the CPU.  Reads batches from standard input, in the machine's byte order, and writes
// n_accepted and token of each to standard output.  A batch is six 64-bit integers, the row's type (0 float, 1 double,
// 2 half, 3 bfloat16), B, K, V, the block's size, the schedule, and then the kernel's six input arrays.

#include "cuda_on_cpu.h"

#include "verify.cu"  // the directory given with -I says which: the real one or a broken copy

template <typename T>
std::vector<T> read(long long n)
{
    std::vector<T> values(n);
    if (std::fread(values.data(), sizeof(T), n, stdin) != (std::size_t)n) std::exit(2);
    return values;
}

template <typename Row>
void run(long long B, int K, long long V, unsigned threads, int schedule)
{
    auto tokens = read<long long>(B * K);
    auto q = read<Row>(B * K * V), p = read<Row>(B * (K + 1) * V);
    auto u_accept = read<double>(B * K), u_emit = read<double>(B);
    auto n_drafts = read<long long>(B);
    std::vector<long long> n(B, -7), token(B, -7);
    cuda_on_cpu::launch((unsigned)B, threads, (cuda_on_cpu::Schedule)schedule, [&] {
        verify<Row>(tokens.data(), q.data(), p.data(), u_accept.data(), u_emit.data(), n_drafts.data(), n.data(),
                    token.data(), K, V);
    });
    std::fwrite(n.data(), sizeof n[0], B, stdout);
    std::fwrite(token.data(), sizeof n[0], B, stdout);
}

int main()
{
    long long h[6];
    while (std::fread(h, sizeof h, 1, stdin) == 1) {
        auto* run_rows = h[0] == 0 ? run<float> : h[0] == 1 ? run<double> : h[0] == 2 ? run<Half> : run<BFloat16>;
        run_rows(h[1], (int)h[2], h[3], (unsigned)h[4], (int)h[5]);
    }
}
