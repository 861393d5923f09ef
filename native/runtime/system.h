// What the machine and the container grant this process.
#pragma once
#include <cstdint>

namespace adjoint {

// The number of threads to compute with: ADJOINT_NUM_THREADS, else OMP_NUM_THREADS, else the CPUs of the affinity mask,
// at most the CPU quota (rounded up) of the process's cgroup and all its ancestors; 1 … kMaxThreads.
int defaultThreadCount();

// Bytes this process may use: the least of physical memory and the memory limits of its cgroup and all its ancestors.
uint64_t memoryLimit();

constexpr int kMaxThreads = 64;

}  // namespace adjoint
