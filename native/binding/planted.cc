#include "planted.h"

#ifdef ADJOINT_CHECKED
#include <atomic>
#include <climits>
#include <thread>

#include "../runtime/memory.h"
#include "../runtime/parallel.h"

namespace adjoint {
namespace {

// The compiler must not see what the values are.
volatile int hidden = 5;

float* tensorOf(const StorageRef& storage) { return static_cast<float*>(storage->data()); }

// Reads the element after a tensor whose size is not one of the pool's.
void readBeyond(const Napi::CallbackInfo&) {
  const StorageRef storage = StorageRef::allocate(5 * sizeof(float));
  volatile float element = tensorOf(storage)[hidden];
  (void)element;
}

void readFreed(const Napi::CallbackInfo&) {
  StorageRef storage = StorageRef::allocate(64);
  const volatile float* data = tensorOf(storage);
  storage = {};
  volatile float element = data[hidden];
  (void)element;
}

void overflow(const Napi::CallbackInfo&) {
  volatile int sum = INT_MAX - 1 + hidden;
  (void)sum;
}

// Two threads of the pool write one number; the first waits for the second, without telling it anything.
void race(const Napi::CallbackInfo&) {
  static volatile int count = 0;
  static std::atomic<int> arrived{0};
  if (threadCount() < 2) return;
  parallelFor(
      10'000, 1,
      [](void*, int64_t begin, int64_t) {
        count = count + static_cast<int>(begin);
        arrived.fetch_add(1, std::memory_order_relaxed);
        while (arrived.load(std::memory_order_relaxed) < 2) std::this_thread::yield();
      },
      nullptr);
}

void leak(const Napi::CallbackInfo&) {
  StorageRef* volatile lost = new StorageRef(StorageRef::allocate(100));
  lost = nullptr;
}

void branchOnUndefined(const Napi::CallbackInfo&) {
  const StorageRef storage = StorageRef::allocate(64);
  if (tensorOf(storage)[hidden] > 1) hidden = 5;
}

}  // namespace

void addPlanted(Napi::Env env, Napi::Object exports) {
  auto planted = Napi::Object::New(env);
  planted["readBeyond"] = Napi::Function::New(env, readBeyond);
  planted["readFreed"] = Napi::Function::New(env, readFreed);
  planted["overflow"] = Napi::Function::New(env, overflow);
  planted["race"] = Napi::Function::New(env, race);
  planted["leak"] = Napi::Function::New(env, leak);
  planted["branchOnUndefined"] = Napi::Function::New(env, branchOnUndefined);
  exports["planted"] = planted;
}

}  // namespace adjoint
#endif
