// What the machine and the container grant this process, and what differs from system to system.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <thread>

#include "codes.h"

namespace adjoint {

// The number of threads to compute with: ADJOINT_NUM_THREADS, else OMP_NUM_THREADS, else the CPUs of the affinity mask,
// at most the CPU quota (rounded up) of the process's cgroup and all its ancestors, on Windows of its job; 1 … kMaxThreads.
int defaultThreadCount();

// Bytes this process may use: the least of physical memory and the memory limits of its cgroup and all its ancestors, on
// Windows of its job.
uint64_t memoryLimit();

// Bytes of its own memory that such a limit counts: those that this process has written to, on Windows those that it
// may write to; 0 if unknown.
uint64_t ownMemory();

constexpr int kMaxThreads = 64;

// Memory that begins at a multiple of `alignment`, or null; only freeAligned may free it.
void* allocateAligned(size_t alignment, size_t bytes);
void freeAligned(void* memory);

// Whether the system would grant this much memory and still leave what others need: V8 ends the process when its heap
// cannot grow. Checked on Linux, where address space may be limited, and on Windows, which overcommits nothing.
bool hasRoomFor(size_t bytes);

// A thread that gets no signals, because those are Node's. Throws std::system_error if the system grants no more.
std::thread startThread(std::function<void()> work);

// The priority of a thread when cores are scarce: low is a small share, background only idle time.
ADJOINT_ENUM(class Priority, priorityNames, kNormal, kLow, kBackground);

// Sets this thread's priority. An ordinary process cannot raise it again. Has no effect if the system refuses.
void setPriority(Priority priority);

// Locks an open file until this descriptor is closed, which the system does when a process dies. Returns 0 or an error
// number: EWOULDBLOCK if it is locked already, others if the system has no locks.
int tryLock(int descriptor);

}  // namespace adjoint
