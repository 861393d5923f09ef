#include "process_group.h"

#include <cstring>
#include <new>

#include "../runtime/system.h"
#include "communicator.h"

namespace adjoint {
namespace {

// All groups of the process, whichever JavaScript thread made them.
struct Groups {
  std::mutex mutex;
  std::map<int64_t, std::weak_ptr<ProcessGroup>> list;
  int64_t next = 1;
};

Groups& groups() {
  static auto* all = new Groups;  // used by threads that may outlive static objects
  return *all;
}

// copy(bytes of the part, where it stands among them all) for each part.
template <typename Copy>
void forEachPart(const Buffer* parts, int64_t count, size_t bytesEach, Copy copy) {
  size_t place = 0;
  for (int64_t i = 0; i < count; i++) {
    const size_t bytes = static_cast<size_t>(parts[i].length) * bytesEach;
    if (bytes > 0) copy(parts[i].data, bytes, place);
    place += bytes;
  }
}

int64_t lengthOf(const Buffer* parts, int64_t count) {
  int64_t length = 0;
  for (int64_t i = 0; i < count; i++) length += parts[i].length;
  return length;
}

// Pairs of gradients and of what travels: float32 as bfloat16, in place.
void narrow(void* data, int64_t n) {
  const auto* from = static_cast<const float*>(data);
  auto* to = static_cast<uint16_t*>(data);
  for (int64_t i = 0; i < n; i++) to[i] = toBfloat16(from[i]);
}

void widen(void* data, int64_t n) {
  const auto* from = static_cast<const uint16_t*>(data);
  auto* to = static_cast<uint32_t*>(data);
  for (int64_t i = n - 1; i >= 0; i--) to[i] = static_cast<uint32_t>(from[i]) << 16;
}

template <typename T>
void divide(void* data, int64_t n, int size) {
  auto* values = static_cast<T*>(data);
  const T factor = T(1) / static_cast<T>(size);
  for (int64_t i = 0; i < n; i++) values[i] *= factor;
}

// How long the thread of a lane of messages waits for the next one: tags may be many.
constexpr auto kIdle = std::chrono::milliseconds(100);

}  // namespace

std::shared_ptr<ProcessGroup> ProcessGroup::create(const Seat& seat, Mailbox::Post post) {
  Groups& all = groups();
  std::lock_guard<std::mutex> lock(all.mutex);
  std::shared_ptr<ProcessGroup> group(new ProcessGroup(all.next++, seat, std::move(post)));
  all.list[group->number] = group;
  return group;
}

std::shared_ptr<ProcessGroup> ProcessGroup::find(int64_t number) {
  Groups& all = groups();
  std::lock_guard<std::mutex> lock(all.mutex);
  const auto place = all.list.find(number);
  return place == all.list.end() ? nullptr : place->second.lock();
}

ProcessGroup::ProcessGroup(int64_t number, const Seat& seat, Mailbox::Post post)
    : number(number),
      seat(seat),
      store_(std::make_shared<Mailbox>(std::move(post))),
      mesh_(std::make_shared<Mesh>(this->seat)) {}

ProcessGroup::~ProcessGroup() {
  close("the group was destroyed");
  Groups& all = groups();
  std::lock_guard<std::mutex> lock(all.mutex);
  all.list.erase(number);
}

void ProcessGroup::connect(Done done) {
  submit(kCollectives, [this](Mesh& mesh, uint32_t) { mesh.connect(store_); }, std::move(done));
}

void ProcessGroup::submit(Lane lane, Work work, Done done) {
  std::string problem;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    problem = down_ ? "the group was destroyed" : problem_;
    if (problem.empty()) {
      for (auto place = queues_.begin(); place != queues_.end();) {
        if (place->second.ended) {
          place->second.thread.join();
          place = queues_.erase(place);
        } else {
          ++place;
        }
      }
      Queue& queue = queues_[lane];
      if (!queue.thread.joinable()) queue.thread = startThread([this, lane, &queue] { serve(lane, queue); });
      queue.tasks.push_back({std::move(work), std::move(done), lane == kCollectives ? calls_++ : 0});
      changed_.notify_all();
      return;
    }
  }
  done(&problem);
}

void ProcessGroup::serve(Lane lane, Queue& queue) {
  std::unique_lock<std::mutex> lock(mutex_);
  const auto isDue = [&] { return down_ || !queue.tasks.empty(); };
  for (;;) {
    if (lane == kCollectives) {
      changed_.wait(lock, isDue);
    } else {
      changed_.wait_for(lock, kIdle, isDue);
    }
    if (queue.tasks.empty()) {
      queue.ended = true;
      return;
    }
    Task task = std::move(queue.tasks.front());
    queue.tasks.pop_front();
    std::string problem = problem_;
    if (problem.empty()) {
      const std::shared_ptr<Mesh> mesh = mesh_;
      lock.unlock();
      try {
        task.work(*mesh, task.call);
      } catch (const std::exception& error) {
        problem = fail(error.what());
      }
      lock.lock();
    }
    lock.unlock();
    task.done(problem.empty() ? nullptr : &problem);
    task = Task();  // what it held must not be freed under the lock
    lock.lock();
  }
}

// Notes the first problem, and passes it on: others wait for this process.
std::string ProcessGroup::fail(const std::string& problem) {
  std::string first;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (problem_.empty()) problem_ = problem;
    first = problem_;
    changed_.notify_all();
  }
  if (const auto connections = mesh(); connections && store_->published) connections->abort(first);
  return first;
}

void ProcessGroup::abort(const std::string& reason) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (reason_.empty()) reason_ = reason;
  }
  store_->fail(reason);
  fail(reason);
}

void ProcessGroup::close(const std::string& reason) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (down_) return;
    down_ = true;
  }
  abort(reason);
  for (auto& [lane, queue] : queues_) {
    if (queue.thread.joinable()) queue.thread.join();
  }
  std::shared_ptr<Mesh> connections;
  std::lock_guard<std::mutex> lock(mutex_);
  // The connections and the port are free for the next run now: JavaScript may hold the group for long.
  connections.swap(mesh_);
  reductions_.clear();
}

std::string ProcessGroup::problem(int64_t patience) {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait_for(lock, std::chrono::milliseconds(patience), [&] { return !reason_.empty(); });
  return reason_.empty() ? problem_ : reason_;
}

std::shared_ptr<Mesh> ProcessGroup::mesh() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return mesh_;
}

int ProcessGroup::lost() const {
  const auto connections = mesh();
  return connections && store_->published ? connections->lost() : -1;
}

int64_t ProcessGroup::beginAllReduce(const Buffer* parts, int64_t count, DType dtype, bool mean, Wire wire) {
  // Shared with the work, which may still write when nobody waits for it any more.
  const auto reduction = std::make_shared<Reduction>();
  reduction->length = lengthOf(parts, count);
  reduction->dtype = dtype;
  reduction->storage = StorageRef::allocate(static_cast<size_t>(reduction->length) * bytesPerElement(dtype));
  if (!reduction->storage) return -1;
  char* const data = static_cast<char*>(reduction->storage->data());
  forEachPart(parts, count, bytesPerElement(dtype),
              [&](void* part, size_t bytes, size_t place) { std::memcpy(data + place, part, bytes); });
  int64_t ticket = 0;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    ticket = ++tickets_;
    reductions_[ticket] = reduction;
  }
  const int size = seat.size;
  const bool isNarrow = dtype == DType::kFloat32 && wire == Wire::kBfloat16;
  const auto work = [reduction, size, isNarrow, mean](Mesh& mesh, uint32_t call) {
    void* const values = reduction->storage->data();
    const int64_t length = reduction->length;
    if (isNarrow) {
      narrow(values, length);
      mesh.allReduceBfloat16(static_cast<uint16_t*>(values), length, call);
      widen(values, length);
    } else {
      mesh.allReduce(values, length, reduction->dtype, Reduce::kSum, call);
    }
    if (!mean) return;
    if (reduction->dtype == DType::kFloat64) {
      divide<double>(values, length, size);
    } else {
      divide<float>(values, length, size);
    }
  };
  submit(kCollectives, work, [this, reduction](const std::string* problem) {
    std::lock_guard<std::mutex> lock(mutex_);
    reduction->done = problem == nullptr;
    changed_.notify_all();
  });
  return ticket;
}

bool ProcessGroup::endAllReduce(int64_t ticket, const Buffer* parts, int64_t count, DType dtype) {
  std::shared_ptr<Reduction> reduction;
  bool isDone = false;
  {
    std::unique_lock<std::mutex> lock(mutex_);
    const auto place = reductions_.find(ticket);
    if (place == reductions_.end()) return false;
    reduction = place->second;
    reductions_.erase(place);  // before waiting, while which another thread may close the group
    changed_.wait(lock, [&] { return reduction->done || !problem_.empty(); });
    isDone = reduction->done;
  }
  if (!isDone || reduction->dtype != dtype || reduction->length != lengthOf(parts, count)) return false;
  const char* const data = static_cast<const char*>(reduction->storage->data());
  forEachPart(parts, count, bytesPerElement(dtype),
              [&](void* part, size_t bytes, size_t place) { std::memcpy(part, data + place, bytes); });
  return true;
}

int64_t beginAllReduce(int64_t number, const Buffer* parts, int64_t count, DType dtype, bool mean, Wire wire) try {
  const std::shared_ptr<ProcessGroup> group = ProcessGroup::find(number);
  return group ? group->beginAllReduce(parts, count, dtype, mean, wire) : -1;
} catch (const std::exception&) {  // no memory, no thread
  return -1;
}

bool endAllReduce(int64_t number, int64_t ticket, const Buffer* parts, int64_t count, DType dtype) {
  const std::shared_ptr<ProcessGroup> group = ProcessGroup::find(number);
  return group && group->endAllReduce(ticket, parts, count, dtype);
}

}  // namespace adjoint
