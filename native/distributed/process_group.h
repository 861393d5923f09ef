// A group of processes, of which this one is a member.
#pragma once
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "../runtime/memory.h"
#include "collectives.h"

namespace adjoint {

class ProcessGroup {
 public:
  // What has one lane is done in the order of submission; lanes do not wait for each other.
  using Lane = int64_t;
  static constexpr Lane kCollectives = -1;
  static Lane laneOfMessages(bool sends, int peer, uint32_t tag) {
    return static_cast<Lane>(sends) << 62 | static_cast<Lane>(peer) << 32 | static_cast<Lane>(tag);
  }
  // call: of this collective, counted alike by all processes.
  using Work = std::function<void(Mesh&, uint32_t call)>;
  // problem: null after success. Called on the lane's thread.
  using Done = std::function<void(const std::string* problem)>;

  // Kernels name a group by its number.
  static std::shared_ptr<ProcessGroup> create(const Seat& seat, Mailbox::Post post);
  static std::shared_ptr<ProcessGroup> find(int64_t number);
  ~ProcessGroup();

  const int64_t number;
  const Seat seat;
  Mailbox* mailbox() { return store_.get(); }

  // Connects to all others.
  void connect(Done done);
  // Does `work` when its turn comes. The first failure fails everything after it.
  void submit(Lane lane, Work work, Done done);
  // Ends all connections; what waits and what comes later fails for this reason. From any thread.
  void abort(const std::string& reason);
  // Aborts, and joins the threads. Not on a thread of the group.
  void close(const std::string& reason);

  // Why the group has failed: what `abort` was told, for which it waits so many milliseconds, or the first problem here.
  std::string problem(int64_t patience);
  // The rank whose connection was lost first; -1 if none was.
  int lost() const;

  // See communicator.h.
  int64_t beginAllReduce(const Buffer* parts, int64_t count, DType dtype, bool mean, Wire wire);
  bool endAllReduce(int64_t ticket, const Buffer* parts, int64_t count, DType dtype);

 private:
  struct Task {
    Work work;
    Done done;
    uint32_t call;
  };
  struct Queue {
    std::deque<Task> tasks;
    std::thread thread;
    bool ended = false;  // the thread, as it had nothing to do
  };
  // Values under way.
  struct Reduction {
    StorageRef storage;
    int64_t length = 0;
    DType dtype = DType::kFloat32;
    bool done = false;  // under the lock
  };

  ProcessGroup(int64_t number, const Seat& seat, Mailbox::Post post);
  void serve(Lane lane, Queue& queue);
  std::string fail(const std::string& problem);
  std::shared_ptr<Mesh> mesh() const;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<Lane, Queue> queues_;
  std::shared_ptr<Mailbox> store_;
  std::shared_ptr<Mesh> mesh_;  // null once closed
  std::map<int64_t, std::shared_ptr<Reduction>> reductions_;
  int64_t tickets_ = 0;
  std::string problem_, reason_;
  bool down_ = false;
  uint32_t calls_ = 0;
};

}  // namespace adjoint
