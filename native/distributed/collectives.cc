#include "collectives.h"

#include <arpa/inet.h>
#include <gloo/allgather.h>
#include <gloo/allreduce.h>
#include <gloo/barrier.h>
#include <gloo/broadcast.h>
#include <gloo/context.h>
#include <gloo/math.h>
#include <gloo/transport/tcp/device.h>
#include <gloo/transport/tcp/pair.h>
#include <gloo/transport/tcp/tls/device.h>

#include <climits>
#include <cstring>
#include <stdexcept>

namespace adjoint {
namespace {

namespace tcp = gloo::transport::tcp;
using Function = void (*)(void*, const void*, const void*, size_t);

template <typename T>
Function functionOf(Reduce reduce) {
  switch (reduce) {
    case Reduce::kMin:
      return static_cast<Function>(&gloo::min<T>);
    case Reduce::kMax:
      return static_cast<Function>(&gloo::max<T>);
    default:
      return static_cast<Function>(&gloo::sum<T>);
  }
}

Function functionOf(DType dtype, Reduce reduce) {
  switch (dtype) {
    case DType::kFloat32:
      return functionOf<float>(reduce);
    case DType::kFloat64:
      return functionOf<double>(reduce);
    case DType::kInt32:
      return functionOf<int32_t>(reduce);
    default:
      return functionOf<uint8_t>(reduce);
  }
}

// Adds in float32, and rounds to nearest even after each hop.
void addBfloat16(void* sum, const void* a, const void* b, size_t n) {
  const auto* x = static_cast<const uint16_t*>(a);
  const auto* y = static_cast<const uint16_t*>(b);
  auto* z = static_cast<uint16_t*>(sum);
  for (size_t i = 0; i < n; i++) {
    const uint32_t left = static_cast<uint32_t>(x[i]) << 16, right = static_cast<uint32_t>(y[i]) << 16;
    float f, g;
    std::memcpy(&f, &left, 4);
    std::memcpy(&g, &right, 4);
    z[i] = toBfloat16(f + g);
  }
}

// Says which collective it is, what it computes, and how many came before it.
uint32_t tagOf(uint32_t call, DType dtype = DType::kFloat32, Reduce reduce = Reduce::kSum) {
  return call << 8 | static_cast<uint32_t>(reduce) << 4 | static_cast<uint32_t>(dtype);
}

constexpr uint8_t kScatterPrefix = 0x20, kMessagePrefix = 0x21;  // beside those of gloo/types.h

std::shared_ptr<gloo::transport::Device> makeDevice(const Seat& seat) {
  tcp::attr wanted;
  wanted.hostname = seat.address;
  std::string problem = "no port was given";
  for (int port = seat.firstPort; port <= seat.lastPort; port++) {
    tcp::attr attribute = tcp::CreateDeviceAttr(wanted);
    const auto place = htons(static_cast<uint16_t>(port));
    if (attribute.ai_family == AF_INET6) {
      reinterpret_cast<sockaddr_in6*>(&attribute.ai_addr)->sin6_port = place;
    } else {
      reinterpret_cast<sockaddr_in*>(&attribute.ai_addr)->sin_port = place;
    }
    try {
      if (seat.key.empty()) return std::make_shared<tcp::Device>(attribute, false);
      return std::make_shared<tcp::tls::Device>(attribute, seat.key, seat.certificate, seat.authority, std::string());
    } catch (const std::exception& error) {
      problem = error.what();
    }
  }
  throw std::runtime_error("no port of the range is free: " + problem);
}

}  // namespace

class Mesh::Context : public gloo::Context {
 public:
  using gloo::Context::Context;

  // As gloo::rendezvous::Context does, but so that what is being connected can be aborted.
  void connect(const std::shared_ptr<Mailbox>& store, const std::shared_ptr<gloo::transport::Device>& device) {
    device_ = device;
    transportContext_ = device->createContext(rank, size);
    transportContext_->setTimeout(getTimeout());
    transportContext_->createAndConnectAllPairs(store);
  }

  // use(rank, pair) for each pair with another process. Gloo's own getPair would wait for those that are not connected.
  template <typename Use>
  void forEachPair(Use use) {
    struct Opener : gloo::transport::Context {
      using gloo::transport::Context::pairs_;
    };
    if (!transportContext_) return;
    auto& pairs = (*transportContext_).*(&Opener::pairs_);
    for (int i = 0; i < size; i++) {
      if (i == rank) continue;
      if (auto* pair = dynamic_cast<tcp::Pair*>(pairs[static_cast<size_t>(i)].get())) use(i, *pair);
    }
  }
};

Mesh::Mesh(const Seat& seat) : seat_(seat), context_(std::make_shared<Context>(seat.rank, seat.size)) {
  context_->setTimeout(std::chrono::milliseconds(seat.timeout));
}

Mesh::~Mesh() = default;

void Mesh::connect(const std::shared_ptr<Mailbox>& store) {
  if (seat_.size > 1) context_->connect(store, makeDevice(seat_));
}

void Mesh::abort(const std::string& reason) {
  struct Opener : tcp::Pair {
    using tcp::Pair::signalExceptionExternal;
  };
  context_->forEachPair([&](int, tcp::Pair& pair) { (pair.*(&Opener::signalExceptionExternal))(reason); });
}

int Mesh::lost() const {
  int first = -1;
  int64_t order = INT64_MAX;
  context_->forEachPair([&](int rank, tcp::Pair& pair) {
    const int64_t closed = pair.closedOrder;
    if (closed == 0 || closed > order) return;
    order = closed;
    first = rank;
  });
  return first;
}

void Mesh::allReduce(void* data, int64_t n, DType dtype, Reduce reduce, uint32_t call) {
  gloo::AllreduceOptions options(context_);
  // Bytes as elements would split them: the type only has to have the right size.
  const auto count = static_cast<size_t>(n);
  switch (dtype) {
    case DType::kFloat64:
      options.setOutput(static_cast<double*>(data), count);
      break;
    case DType::kUint8:
      options.setOutput(static_cast<uint8_t*>(data), count);
      break;
    default:
      options.setOutput(static_cast<float*>(data), count);
  }
  options.setReduceFunction(functionOf(dtype, reduce));
  options.setTag(tagOf(call, dtype, reduce));
  gloo::allreduce(options);
}

void Mesh::allReduceBfloat16(uint16_t* data, int64_t n, uint32_t call) {
  gloo::AllreduceOptions options(context_);
  options.setOutput(data, static_cast<size_t>(n));
  options.setReduceFunction(&addBfloat16);
  options.setTag(tagOf(call) | 0x80);
  gloo::allreduce(options);
}

void Mesh::broadcast(void* data, int64_t bytes, int root, uint32_t call) {
  gloo::BroadcastOptions options(context_);
  options.setOutput(static_cast<char*>(data), static_cast<size_t>(bytes));
  options.setRoot(root);
  options.setTag(tagOf(call));
  gloo::broadcast(options);
}

void Mesh::allGather(const void* from, void* to, int64_t bytes, uint32_t call) {
  gloo::AllgatherOptions options(context_);
  options.setInput(const_cast<char*>(static_cast<const char*>(from)), static_cast<size_t>(bytes));
  options.setOutput(static_cast<char*>(to), static_cast<size_t>(bytes * context_->size));
  options.setTag(tagOf(call));
  gloo::allgather(options);
}

// A ring: the part of a rank starts at its right neighbour and arrives with everybody's addends.
void Mesh::reduceScatter(void* data, void* to, int64_t n, DType dtype, Reduce reduce, uint32_t call) {
  const int size = context_->size, rank = context_->rank;
  const auto bytes = static_cast<size_t>(n) * bytesPerElement(dtype);
  char* const parts = static_cast<char*>(data);
  if (size > 1 && bytes > 0) {
    const auto slot = gloo::Slot::build(kScatterPrefix, tagOf(call, dtype, reduce));
    const int right = (rank + 1) % size, left = (rank + size - 1) % size;
    std::vector<char> received(bytes);
    auto out = context_->createUnboundBuffer(data, bytes * static_cast<size_t>(size));
    auto in = context_->createUnboundBuffer(received.data(), bytes);
    const Function function = functionOf(dtype, reduce);
    const auto timeout = context_->getTimeout();
    for (int hop = 1; hop < size; hop++) {
      const auto sent = static_cast<size_t>((rank + size - hop) % size) * bytes;
      const auto kept = static_cast<size_t>((rank + size - hop - 1) % size) * bytes;
      in->recv(left, slot);
      out->send(right, slot, sent, bytes);
      in->waitRecv(timeout);
      out->waitSend(timeout);
      function(parts + kept, parts + kept, received.data(), static_cast<size_t>(n));
    }
  }
  std::memcpy(to, parts + static_cast<size_t>(rank) * bytes, bytes);
}

void Mesh::barrier(uint32_t call) {
  gloo::BarrierOptions options(context_);
  options.setTag(tagOf(call));
  gloo::barrier(options);
}

// The length goes first: both sides must mean the same message.
void Mesh::send(const void* data, int64_t bytes, int to, uint32_t tag) {
  const auto slot = gloo::Slot::build(kMessagePrefix, tag);
  const auto timeout = context_->getTimeout();
  int64_t length = bytes;
  auto head = context_->createUnboundBuffer(&length, sizeof length);
  auto body = context_->createUnboundBuffer(const_cast<void*>(data), static_cast<size_t>(bytes));
  head->send(to, slot);
  head->waitSend(timeout);
  if (bytes == 0) return;
  body->send(to, slot + uint8_t{1});
  body->waitSend(timeout);
}

void Mesh::receive(void* data, int64_t bytes, int from, uint32_t tag) {
  const auto slot = gloo::Slot::build(kMessagePrefix, tag);
  const auto timeout = context_->getTimeout();
  int64_t length = 0;
  auto head = context_->createUnboundBuffer(&length, sizeof length);
  head->recv(from, slot);
  head->waitRecv(timeout);
  if (length != bytes) {
    throw std::runtime_error("a message of " + std::to_string(bytes) + " bytes was expected from rank " +
                             std::to_string(from) + ", got one of " + std::to_string(length));
  }
  if (bytes == 0) return;
  auto body = context_->createUnboundBuffer(data, static_cast<size_t>(bytes));
  body->recv(from, slot + uint8_t{1});
  body->waitRecv(timeout);
}

}  // namespace adjoint
