// How can a CUDA kernel run where there is no GPU?  Each thread of a block becomes a fibre: a stack of its own that
// gives control away at __syncthreads() and nowhere else.  Between two barriers the threads run one after the other,
// in an order that the caller chooses: ascending, descending or shuffled.  A kernel that lacks a barrier computes
// something else in one of them; so a race is not a matter of luck here.  Blocks run one after the other, and shared
// memory keeps what the block before left in it.  The sanitizers are told of each change of stack.

#pragma once
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <numeric>
#include <ucontext.h>
#include <utility>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

#define __global__
#define __device__
#define __shared__ static
#define __syncthreads() cuda_on_cpu::barrier(__LINE__)

struct Dim3 { unsigned x = 1, y = 1, z = 1; };
inline Dim3 threadIdx, blockIdx, blockDim, gridDim;

inline float __uint_as_float(unsigned bits)
{
    float x;
    std::memcpy(&x, &bits, sizeof x);
    return x;
}

inline int atomicMin(int* address, int value)  // no other fibre runs meanwhile
{
    int old = *address;
    *address = value < old ? value : old;
    return old;
}

namespace cuda_on_cpu {

enum Schedule { ascending, descending, shuffled };
constexpr std::size_t STACK_BYTES = 64 * 1024;

struct Fibre
{
    ucontext_t context;
    std::vector<char> stack = std::vector<char>(STACK_BYTES);
    int barrier = 0;  // the line at which it waits
    bool is_done = false;
};

inline std::vector<Fibre> fibres;
inline ucontext_t scheduler;
inline std::function<void()> kernel;
inline unsigned random_state = 1;

// Tell the address sanitizer that the stack changes: to `fibre`, or back to the scheduler's.
inline const void* scheduler_stack = nullptr;
inline std::size_t scheduler_bytes = 0;

inline void swap(ucontext_t& from, ucontext_t& to, Fibre* fibre)
{
#if defined(__SANITIZE_ADDRESS__)
    void* fake = nullptr;
    const void* stack = fibre ? fibre->stack.data() : scheduler_stack;
    __sanitizer_start_switch_fiber(&fake, stack, fibre ? STACK_BYTES : scheduler_bytes);
    swapcontext(&from, &to);
    if (fibre) __sanitizer_finish_switch_fiber(fake, nullptr, nullptr);
    else __sanitizer_finish_switch_fiber(fake, &scheduler_stack, &scheduler_bytes);
#else
    (void)fibre;
    swapcontext(&from, &to);
#endif
}

inline void barrier(int line)
{
    Fibre& me = fibres[threadIdx.x];
    me.barrier = line;
    swap(me.context, scheduler, nullptr);
}

// The life of a fibre: one kernel call for each block.
inline void live()
{
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(nullptr, &scheduler_stack, &scheduler_bytes);
#endif
    for (;;) {
        kernel();
        fibres[threadIdx.x].is_done = true;
        barrier(0);
    }
}

inline void make_fibres(unsigned n)
{
    fibres = std::vector<Fibre>(n);
    for (Fibre& fibre : fibres) {
        getcontext(&fibre.context);
        fibre.context.uc_stack.ss_sp = fibre.stack.data();
        fibre.context.uc_stack.ss_size = STACK_BYTES;
        makecontext(&fibre.context, live, 0);
    }
}

inline void order(std::vector<unsigned>& turns, Schedule schedule)
{
    std::iota(turns.begin(), turns.end(), 0u);
    for (std::size_t i = turns.size() - 1; i > 0 && schedule != ascending; i--) {
        random_state = random_state * 1664525u + 1013904223u;
        if (schedule == shuffled) std::swap(turns[i], turns[random_state / 65536 % (i + 1)]);
        else if (i >= turns.size() / 2) std::swap(turns[i], turns[turns.size() - 1 - i]);
    }
}

// Run every thread of the block to its next barrier, again and again, until all have returned.
inline void run_block(Schedule schedule)
{
    std::vector<unsigned> turns(fibres.size());
    for (Fibre& fibre : fibres) fibre.is_done = false;
    while (!fibres[0].is_done) {
        order(turns, schedule);
        for (unsigned turn : turns) {
            threadIdx.x = turn;
            swap(scheduler, fibres[turn].context, &fibres[turn]);
        }
        for (Fibre& fibre : fibres)
            if (fibre.barrier != fibres[0].barrier) {
                std::fprintf(stderr, "threads wait at line %d and line %d\n", fibres[0].barrier, fibre.barrier);
                std::exit(3);
            }
    }
}

inline void launch(unsigned blocks, unsigned threads, Schedule schedule, std::function<void()> call)
{
    if (fibres.size() != threads) make_fibres(threads);
    kernel = std::move(call), blockDim.x = threads, gridDim.x = blocks;
    for (blockIdx.x = 0; blockIdx.x < blocks; blockIdx.x++) run_block(schedule);
}

}  // namespace cuda_on_cpu
