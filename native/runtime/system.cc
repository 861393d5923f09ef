#include "system.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#ifdef __linux__
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#endif
#ifdef __APPLE__
#include <pthread/qos.h>
#include <sys/sysctl.h>
#endif
#ifdef _WIN32
#include <malloc.h>
#include <windows.h>
// after windows.h
#include <psapi.h>

#include "../compat/host_windows.h"
#else
#include <pthread.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>
#endif

namespace adjoint {
namespace {

// A positive integer, or 0 for anything else. OMP_NUM_THREADS may be a list, one number for each nesting level.
int threadsFromEnvironment(const char* name) {
  const char* text = std::getenv(name);
  if (!text || *text < '0' || *text > '9') return 0;
  char* end = nullptr;
  const unsigned long long value = std::strtoull(text, &end, 10);
  if (*end != '\0' && *end != ',') return 0;
  return static_cast<int>(std::min<unsigned long long>(value, kMaxThreads));
}

#ifdef __linux__

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

bool contains(const std::vector<std::string>& list, const std::string& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

// The process's path inside the hierarchy of `controller` (version 1) or inside the one hierarchy of version 2 (empty).
std::string cgroupPath(const std::string& controller) {
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {  // hierarchy:controllers:path
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (controller.empty() ? controllers.empty() : contains(split(controllers, ','), controller)) {
      return line.substr(second + 1);
    }
  }
  return "/";
}

struct Folder {
  std::string path;
  bool version2;
};

// The folders of the process's cgroup and of all its ancestors, in each mounted hierarchy that may limit `controller`.
std::vector<Folder> cgroupFolders(const std::string& controller) {
  std::vector<Folder> folders;
  std::ifstream file("/proc/self/mountinfo");
  for (std::string line; std::getline(file, line);) {
    // id parent device root mountPoint options … - type source superOptions
    const size_t dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    const std::vector<std::string> mount = split(line.substr(0, dash), ' '), type = split(line.substr(dash + 3), ' ');
    if (mount.size() < 5 || type.size() < 3) continue;
    const bool version2 = type[0] == "cgroup2";
    if (!version2 && !(type[0] == "cgroup" && contains(split(type[2], ','), controller))) continue;
    std::string path = cgroupPath(version2 ? "" : controller);
    const std::string& root = mount[3];
    // In a container the path may be the host's, and only its part below `root` is mounted.
    if (root != "/") path = path.compare(0, root.size(), root) == 0 ? path.substr(root.size()) : "";
    while (!path.empty() && path.back() == '/') path.pop_back();
    for (;;) {
      folders.push_back({mount[4] + path, version2});
      if (path.empty()) break;
      path.resize(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
    }
  }
  return folders;
}

// Reads up to two numbers; false where the file is missing or says "max".
bool readNumbers(const std::string& path, double* first, double* second = nullptr) {
  std::ifstream file(path);
  return (file >> *first) && (!second || (file >> *second));
}

double cpuQuota() {
  double least = kMaxThreads;
  for (const Folder& folder : cgroupFolders("cpu")) {
    double quota = -1, period = 0;
    const bool read = folder.version2 ? readNumbers(folder.path + "/cpu.max", &quota, &period)
                                      : readNumbers(folder.path + "/cpu.cfs_quota_us", &quota) &&
                                            readNumbers(folder.path + "/cpu.cfs_period_us", &period);
    if (read && quota > 0 && period > 0) least = std::min(least, quota / period);
  }
  return least;
}

int availableCpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  // Fails on machines with more than 1,024 CPUs, where the number of CPUs does as well.
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
  return static_cast<int>(std::thread::hardware_concurrency());
}

double grantedMemory() {
  double least = INFINITY;
  for (const Folder& folder : cgroupFolders("memory")) {
    double limit = 0;
    const char* name = folder.version2 ? "/memory.max" : "/memory.limit_in_bytes";
    if (readNumbers(folder.path + name, &limit) && limit > 0) least = std::min(least, limit);
  }
  return least;
}

#elif defined(_WIN32)

// What the job object of this process says, as containers set it; false outside of jobs.
template <typename T>
bool readJob(JOBOBJECTINFOCLASS kind, T* limits) {
  return QueryInformationJobObject(nullptr, kind, limits, sizeof *limits, nullptr) != 0;
}

double cpuQuota() {
  JOBOBJECT_CPU_RATE_CONTROL_INFORMATION rate = {};
  if (!readJob(JobObjectCpuRateControlInformation, &rate)) return kMaxThreads;
  if (!(rate.ControlFlags & JOB_OBJECT_CPU_RATE_CONTROL_ENABLE)) return kMaxThreads;
  double share = 0;  // of all processors, in 1/10,000
  if (rate.ControlFlags & JOB_OBJECT_CPU_RATE_CONTROL_HARD_CAP) share = rate.CpuRate;
  // The upper half, which not every header names MaxRate.
  if (rate.ControlFlags & JOB_OBJECT_CPU_RATE_CONTROL_MIN_MAX_RATE) share = rate.CpuRate >> 16;
  return share > 0 ? share / 10000 * GetActiveProcessorCount(ALL_PROCESSOR_GROUPS) : kMaxThreads;
}

int availableCpus() {
  DWORD_PTR own = 0, all = 0;
  // Both are 0 for a process in several groups, of up to 64 processors each.
  if (GetProcessAffinityMask(GetCurrentProcess(), &own, &all) && own != 0) return __builtin_popcountll(own);
  return static_cast<int>(GetActiveProcessorCount(ALL_PROCESSOR_GROUPS));
}

double grantedMemory() {
  JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {};
  if (!readJob(JobObjectExtendedLimitInformation, &limits)) return INFINITY;
  const DWORD flags = limits.BasicLimitInformation.LimitFlags;
  double least = INFINITY;
  if (flags & JOB_OBJECT_LIMIT_PROCESS_MEMORY) least = static_cast<double>(limits.ProcessMemoryLimit);
  if (flags & JOB_OBJECT_LIMIT_JOB_MEMORY) least = std::min(least, static_cast<double>(limits.JobMemoryLimit));
  return least;
}

#else

double cpuQuota() { return kMaxThreads; }
int availableCpus() { return static_cast<int>(std::thread::hardware_concurrency()); }
double grantedMemory() { return INFINITY; }

#endif

double physicalMemory() {
#if defined(_WIN32)
  MEMORYSTATUSEX status = {};
  status.dwLength = sizeof status;
  return GlobalMemoryStatusEx(&status) ? static_cast<double>(status.ullTotalPhys) : INFINITY;
#elif defined(__APPLE__)
  uint64_t bytes = 0;
  size_t size = sizeof bytes;
  return sysctlbyname("hw.memsize", &bytes, &size, nullptr, 0) == 0 ? static_cast<double>(bytes) : INFINITY;
#else
  const long pages = sysconf(_SC_PHYS_PAGES), pageSize = sysconf(_SC_PAGESIZE);
  return pages > 0 && pageSize > 0 ? static_cast<double>(pages) * static_cast<double>(pageSize) : INFINITY;
#endif
}

}  // namespace

int defaultThreadCount() {
  for (const char* name : {"ADJOINT_NUM_THREADS", "OMP_NUM_THREADS"}) {
    if (const int threads = threadsFromEnvironment(name)) return threads;
  }
  const int granted = std::min(availableCpus(), static_cast<int>(std::ceil(cpuQuota())));
  return std::max(1, std::min(granted, kMaxThreads));
}

uint64_t memoryLimit() {
  const double limit = std::min(physicalMemory(), grantedMemory());
  return limit < 9.0e18 ? static_cast<uint64_t>(limit) : UINT64_MAX;
}

uint64_t ownMemory() {
#ifdef __linux__
  // Pages: in all, resident, and of these those of files.
  std::ifstream file("/proc/self/statm");
  uint64_t all = 0, resident = 0, shared = 0;
  if (file >> all >> resident >> shared) return (resident - shared) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
#elif defined(_WIN32)
  PROCESS_MEMORY_COUNTERS_EX use = {};
  auto* counters = reinterpret_cast<PROCESS_MEMORY_COUNTERS*>(&use);
  if (K32GetProcessMemoryInfo(GetCurrentProcess(), counters, sizeof use)) return use.PrivateUsage;
#endif
  return 0;
}

#if defined(__linux__) || defined(_WIN32)
constexpr size_t kReserve = size_t{64} << 20;
#endif

#if defined(__linux__)
bool hasRoomFor(size_t bytes) {
  void* memory = mmap(nullptr, bytes + kReserve, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return false;
  munmap(memory, bytes + kReserve);
  return true;
}
#elif defined(_WIN32)
bool hasRoomFor(size_t bytes) {
  MEMORYSTATUSEX status = {};
  status.dwLength = sizeof status;
  // What can still be committed: Windows promises no more than memory and page files have.
  return !GlobalMemoryStatusEx(&status) || bytes + kReserve <= status.ullAvailPageFile;
}
#else
bool hasRoomFor(size_t) { return true; }
#endif

#ifdef _WIN32

void* allocateAligned(size_t alignment, size_t bytes) { return _aligned_malloc(bytes, alignment); }
void freeAligned(void* memory) { _aligned_free(memory); }
std::thread startThread(std::function<void()> work) { return std::thread(std::move(work)); }

int tryLock(int descriptor) {
  const HANDLE file = handleOf(descriptor);
  if (file == INVALID_HANDLE_VALUE) return EBADF;
  // A locked byte can be neither read nor written: one far beyond the end of any file.
  OVERLAPPED place = {};
  place.OffsetHigh = 0x7fffffff;
  if (LockFileEx(file, LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &place)) return 0;
  const DWORD error = GetLastError();
  return error == ERROR_LOCK_VIOLATION || error == ERROR_IO_PENDING ? EWOULDBLOCK : ENOSYS;
}

void setPriority(Priority priority) {
  if (priority == Priority::kNormal) return;
  SetThreadPriority(GetCurrentThread(),
                    priority == Priority::kLow ? THREAD_PRIORITY_BELOW_NORMAL : THREAD_PRIORITY_LOWEST);
}

#else

void* allocateAligned(size_t alignment, size_t bytes) {
  void* memory = nullptr;
  return posix_memalign(&memory, alignment, bytes) == 0 ? memory : nullptr;
}

void freeAligned(void* memory) { std::free(memory); }

std::thread startThread(std::function<void()> work) {
  // A thread begins with the mask of the one that starts it.
  struct Blocked {
    sigset_t before;
    Blocked() {
      sigset_t all;
      sigfillset(&all);
      pthread_sigmask(SIG_SETMASK, &all, &before);
    }
    ~Blocked() { pthread_sigmask(SIG_SETMASK, &before, nullptr); }
  } blocked;
  return std::thread(std::move(work));
}

int tryLock(int descriptor) { return flock(descriptor, LOCK_EX | LOCK_NB) == 0 ? 0 : errno; }

void setPriority(Priority priority) {
  if (priority == Priority::kNormal) return;
#if defined(__linux__)
  if (priority == Priority::kLow) {
    // On Linux the "process" of setpriority is a thread, and its niceness its own. 10 is a tenth of the usual share.
    const auto thread = static_cast<id_t>(syscall(SYS_gettid));
    errno = 0;
    const int before = getpriority(PRIO_PROCESS, thread);
    if (errno == 0) setpriority(PRIO_PROCESS, thread, std::min(before + 10, 19));
    return;
  }
  // A core that runs such a thread alone counts as idle: threads that wake up go there, and need not wait on a core
  // that others share. Niceness does not do that. 0 is this thread; musl's own function always
  // fails.
  const sched_param none{};
  syscall(SYS_sched_setscheduler, 0, SCHED_IDLE, &none);
#elif defined(__APPLE__)
  pthread_set_qos_class_self_np(priority == Priority::kLow ? QOS_CLASS_UTILITY : QOS_CLASS_BACKGROUND, 0);
#endif
}

#endif

}  // namespace adjoint
