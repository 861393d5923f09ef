// What the machine and the container grant this process, and what each system does in its own way.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <thread>

#include "codes.h"

namespace adjoint {

// The number of threads to compute with: ADJOINT_NUM_THREADS, else OMP_NUM_THREADS, else the CPUs of the affinity mask,
// at most the CPU quota (rounded up) of the process's cgroup and all its ancestors; 1 … kMaxThreads.
int defaultThreadCount();

// Bytes this process may use: the least of physical memory and the memory limits of its cgroup and all its ancestors.
uint64_t memoryLimit();

// Bytes of memory of its own that this process has written to: what such a limit counts. 0 where that is not known.
uint64_t ownMemory();

constexpr int kMaxThreads = 64;

// Memory that begins at a multiple of `alignment`, or null; freeAligned alone gives it back.
void* allocateAligned(size_t alignment, size_t bytes);
void freeAligned(void* memory);

// Whether the system would grant so much memory, and beside it what others need to go on: V8 ends the process when its
// heap cannot grow. On Linux, where address space may be limited; true elsewhere.
bool hasRoomFor(size_t bytes);

// A thread that gets no signals, because those are Node's. Throws std::system_error where the system grants no more.
std::thread startThread(std::function<void()> work);

// Of a thread when cores are scarce: a small share beside others, or what they leave.
ADJOINT_ENUM(class Priority, priorityNames, kNormal, kLow, kBackground);

// Sets this thread's. An ordinary process cannot take it back. A system that refuses changes nothing.
void setPriority(Priority priority);

// Locks an open file for whoever holds this descriptor until it is closed, which the system does for a process that
// dies. 0, or an error number: EWOULDBLOCK where another holds the lock, others where the system has none.
int tryLock(int descriptor);

}  // namespace adjoint
