// The collectives of a group, on Gloo. All of them block; all processes of the group call the same ones in the same order.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "../runtime/elements.h"
#include "communicator.h"
#include "mailbox.h"

namespace adjoint {

// Rounds to nearest even; NaN stays NaN.
inline uint16_t toBfloat16(float value) {
  uint32_t bits;
  __builtin_memcpy(&bits, &value, 4);
  if (value != value) return static_cast<uint16_t>(bits >> 16 | 0x40);
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

// How a process takes its place in a group.
struct Seat {
  int rank = 0, size = 1;
  std::string address;                      // that peers connect to
  int firstPort = 0, lastPort = 0;          // 0: any
  int64_t timeout = 0;                      // milliseconds
  std::string key, certificate, authority;  // paths; all are empty without TLS
};

// The connections of a process to all others of its group.
class Mesh {
 public:
  explicit Mesh(const Seat& seat);
  ~Mesh();
  Mesh(const Mesh&) = delete;
  Mesh& operator=(const Mesh&) = delete;

  // Throws std::exception, as all that follow.
  void connect(const std::shared_ptr<Mailbox>& store);

  // Ends all connections: whoever waits for this process, and whoever waits here, gets an exception. From any thread, once
  // the mailbox is published.
  void abort(const std::string& reason);
  // The rank whose connection was lost first; -1 if none was.
  int lost() const;

  // call: counts the collectives, so that two processes that are not at the same one never exchange data.
  void allReduce(void* data, int64_t n, DType dtype, Reduce reduce, uint32_t call);
  void allReduceBfloat16(uint16_t* data, int64_t n, uint32_t call);
  void broadcast(void* data, int64_t bytes, int root, uint32_t call);
  // to: size times the bytes of from.
  void allGather(const void* from, void* to, int64_t bytes, uint32_t call);
  // Keeps the part of `rank` in `to`; overwrites `data`, of size parts with n elements each.
  void reduceScatter(void* data, void* to, int64_t n, DType dtype, Reduce reduce, uint32_t call);
  void barrier(uint32_t call);
  // Messages of one tag between two processes arrive in the order in which they are sent.
  void send(const void* data, int64_t bytes, int to, uint32_t tag);
  void receive(void* data, int64_t bytes, int from, uint32_t tag);

 private:
  class Context;
  const Seat& seat_;
  const std::shared_ptr<Context> context_;
};

}  // namespace adjoint
