#include "groups.h"

#ifdef ADJOINT_GLOO
#include <cstring>

#include "../distributed/process_group.h"
#include "constants.h"
#endif

namespace adjoint {

#ifdef ADJOINT_GLOO
namespace {

using Info = Napi::CallbackInfo;

// A group as JavaScript holds it. Both callbacks are called on the thread that made it: onStore(key, value | undefined) when
// Gloo sets a value or waits for one, onDone(ticket, problem | undefined, lost rank) when something has ended.
struct GroupHandle {
  std::shared_ptr<ProcessGroup> group;
  Napi::ThreadSafeFunction onStore, onDone;
  int pending = 0;     // on the JavaScript thread
  bool ended = false;  // that thread is ending, and has freed both callbacks
};
using Shared = std::shared_ptr<GroupHandle>;

Shared& handleOf(const Info& info) {
  if (!info[0].IsExternal()) throw internalError(info, "a group was expected");
  return *info[0].As<Napi::External<Shared>>().Data();
}

std::string textOf(const Info& info, size_t argument) {
  size_t length = 0;
  if (napi_get_value_string_utf8(info.Env(), info[argument], nullptr, 0, &length) != napi_ok) {
    throw internalError(info, "a text was expected");
  }
  std::string text(length, '\0');
  napi_get_value_string_utf8(info.Env(), info[argument], &text[0], length + 1, &length);
  return text;
}

Mailbox::Post poster(const std::weak_ptr<GroupHandle>& weak) {
  return [weak](const std::string& key, const std::vector<char>* value) {
    const Shared handle = weak.lock();
    if (!handle) return;
    const auto copy = value == nullptr ? nullptr : std::make_shared<std::vector<char>>(*value);
    handle->onStore.NonBlockingCall([key, copy](Napi::Env env, Napi::Function callback) {
      Napi::Value bytes = env.Undefined();
      if (copy) {
        const auto array = Napi::Uint8Array::New(env, copy->size());
        std::memcpy(array.ArrayBuffer().Data(), copy->data(), copy->size());
        bytes = array;
      }
      callback.Call({Napi::String::New(env, key), bytes});
    });
  };
}

// What tells JavaScript that `ticket` has ended, and until then keeps the event loop alive.
ProcessGroup::Done notifier(const Info& info, const Shared& handle, double ticket, std::function<void()> release = {}) {
  if (handle->pending++ == 0) handle->onDone.Ref(info.Env());
  const std::weak_ptr<GroupHandle> weak = handle;
  return [weak, ticket, release](const std::string* problem) {
    if (release) release();
    const Shared held = weak.lock();
    if (!held) return;
    const std::string text = problem == nullptr ? "" : *problem;
    const int lost = problem == nullptr ? -1 : held->group->lost();
    held->onDone.NonBlockingCall([weak, ticket, text, lost](Napi::Env env, Napi::Function callback) {
      if (const Shared alive = weak.lock()) {
        if (--alive->pending == 0) alive->onDone.Unref(env);
      }
      const Napi::Value words = text.empty() ? env.Undefined() : Napi::Value(Napi::String::New(env, text));
      callback.Call({Napi::Number::New(env, ticket), words, Napi::Number::New(env, lost)});
    });
  };
}

// create(rank, size, address, firstPort, lastPort, timeout, key, certificate, authority, onStore, onDone) → group
Napi::Value create(const Info& info) {
  Seat seat;
  seat.rank = smallIntegerOf(info, 0);
  seat.size = smallIntegerOf(info, 1);
  seat.address = textOf(info, 2);
  seat.firstPort = smallIntegerOf(info, 3);
  seat.lastPort = smallIntegerOf(info, 4);
  seat.timeout = integerOf(info, 5);
  seat.key = textOf(info, 6);
  seat.certificate = textOf(info, 7);
  seat.authority = textOf(info, 8);
  if (!info[9].IsFunction() || !info[10].IsFunction()) throw internalError(info, "two functions were expected");
  const auto handle = std::make_shared<GroupHandle>();
  handle->onStore = Napi::ThreadSafeFunction::New(info.Env(), info[9].As<Napi::Function>(), "adjoint store", 0, 1);
  handle->onDone = Napi::ThreadSafeFunction::New(info.Env(), info[10].As<Napi::Function>(), "adjoint group", 0, 1);
  handle->onStore.Unref(info.Env());
  handle->onDone.Unref(info.Env());
  handle->group = ProcessGroup::create(seat, poster(handle));
  instanceOf(info).atEnd.push_back([weak = std::weak_ptr<GroupHandle>(handle)] {
    const Shared held = weak.lock();
    if (!held) return;
    held->group->close("its JavaScript thread has ended");
    held->ended = true;
  });
  return Napi::External<Shared>::New(info.Env(), new Shared(handle), [](Napi::Env, Shared* held) {
    (*held)->group->close("the group was collected");
    if (!(*held)->ended) {
      (*held)->onStore.Release();
      (*held)->onDone.Release();
    }
    delete held;
  });
}

Napi::Value numberOf(const Info& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(handleOf(info)->group->number));
}

// connect(group, ticket)
void connect(const Info& info) {
  const Shared& handle = handleOf(info);
  handle->group->connect(notifier(info, handle, static_cast<double>(integerOf(info, 1))));
}

// provide(group, key, value): what Gloo waits for.
void provide(const Info& info) {
  const ArrayArgument value = arrayOf(info, 2);
  if (value.type != napi_uint8_array) throw internalError(info, "a Uint8Array was expected");
  const auto* data = static_cast<const char*>(value.data);
  handleOf(info)->group->mailbox()->provide(textOf(info, 1), std::vector<char>(data, data + value.length));
}

// A tensor that a collective reads or writes: held, and locked against everybody else until it ends.
struct Claim {
  StorageRef storage;
  void* data = nullptr;
  int64_t length = 0;
  DType dtype = DType::kFloat32;
  bool written = false;

  void lock() const {
    if (!storage) return;
    (written ? storage->use.writers : storage->use.readers).fetch_add(1, std::memory_order_relaxed);
    if (!written) storage->use.dependents.fetch_add(1, std::memory_order_relaxed);
  }
  void unlock() const {
    if (!storage) return;
    if (written) storage->touch();
    if (!written) storage->use.dependents.fetch_sub(1, std::memory_order_release);
    (written ? storage->use.writers : storage->use.readers).fetch_sub(1, std::memory_order_release);
  }
  int64_t bytes() const { return length * static_cast<int64_t>(bytesPerElement(dtype)); }
};

Claim claimOf(const Info& info, size_t argument, bool written, const char* name) {
  if (smallIntegerOf(info, argument) == 0) return {};
  Slot& slot = slotOf(info, argument);
  Environment& environment = instanceOf(info).environment;
  if (environment.isLocked(slot, written)) {
    failTyped(&environment, "locked", name);
    throw Napi::Error::New(info.Env());  // the one just thrown
  }
  return {slot.storage, slot.data, slot.length, slot.dtype, written};
}

// run(group, ticket, collective, handle, other, number, tag, name): `handle` is the tensor that is reduced, broadcast,
// gathered, scattered, sent or received; `other` the result of gathering or scattering; `number` the reduction, root or
// peer; errors begin with `name`.
void run(const Info& info) {
  const Shared& handle = handleOf(info);
  ProcessGroup& group = *handle->group;
  const auto ticket = static_cast<double>(integerOf(info, 1));
  const int32_t code = smallIntegerOf(info, 2);
  if (code < 0 || code > static_cast<int32_t>(Collective::kReceive)) throw internalError(info, "no such collective");
  const auto collective = static_cast<Collective>(code);
  const int32_t number = smallIntegerOf(info, 5);
  const auto tag = static_cast<uint32_t>(smallIntegerOf(info, 6));
  const bool isRead = collective == Collective::kAllGather || collective == Collective::kSend;
  const std::string name = textOf(info, 7);
  const Claim subject = claimOf(info, 3, !isRead, name.c_str());
  const Claim result = claimOf(info, 4, true, name.c_str());
  const int64_t size = group.seat.size;
  const bool fits = collective == Collective::kAllGather       ? result.bytes() == subject.bytes() * size
                    : collective == Collective::kReduceScatter ? subject.bytes() == result.bytes() * size
                                                               : result.length == 0;
  const bool isReducing = collective == Collective::kAllReduce || collective == Collective::kReduceScatter;
  const int limit = isReducing ? static_cast<int>(Reduce::kMax) + 1 : group.seat.size;
  if (!fits || number < 0 || number >= limit || (result.storage && result.dtype != subject.dtype)) {
    throw internalError(info, "the tensors do not fit the group");
  }
  const auto work = [=](Mesh& mesh, uint32_t call) {
    const auto reduce = static_cast<Reduce>(isReducing ? number : 0);
    switch (collective) {
      case Collective::kAllReduce:
        return mesh.allReduce(subject.data, subject.length, subject.dtype, reduce, call);
      case Collective::kBroadcast:
        return mesh.broadcast(subject.data, subject.bytes(), number, call);
      case Collective::kAllGather:
        return mesh.allGather(subject.data, result.data, subject.bytes(), call);
      case Collective::kReduceScatter:
        return mesh.reduceScatter(subject.data, result.data, result.length, subject.dtype, reduce, call);
      case Collective::kBarrier:
        return mesh.barrier(call);
      case Collective::kSend:
        return mesh.send(subject.data, subject.bytes(), number, tag);
      case Collective::kReceive:
        return mesh.receive(subject.data, subject.bytes(), number, tag);
    }
  };
  const bool sends = collective == Collective::kSend;
  const ProcessGroup::Lane lane = sends || collective == Collective::kReceive
                                      ? ProcessGroup::laneOfMessages(sends, number, tag)
                                      : ProcessGroup::kCollectives;
  subject.lock();
  result.lock();
  group.submit(lane, work, notifier(info, handle, ticket, [subject, result] {
                 subject.unlock();
                 result.unlock();
               }));
}

// abort(number, reason), from any JavaScript thread.
void abortGroup(const Info& info) {
  if (const auto group = ProcessGroup::find(integerOf(info, 0))) group->abort(textOf(info, 1));
}

void closeGroup(const Info& info) { handleOf(info)->group->close(textOf(info, 1)); }

// problemOf(group, milliseconds to wait for what others say)
Napi::Value problemOf(const Info& info) {
  ProcessGroup& group = *handleOf(info)->group;
  auto result = Napi::Object::New(info.Env());
  result["problem"] = group.problem(integerOf(info, 1));
  result["lost"] = group.lost();
  return result;
}

}  // namespace

void addGroups(Napi::Object exports, Instance* instance) {
  auto functions = Napi::Object::New(exports.Env());
  const auto add = [&](const char* name, auto function) {
    addExport(functions, name, function, instance, &instance->environment);
  };
  add("create", create);
  add("numberOf", numberOf);
  add("connect", connect);
  add("provide", provide);
  add("run", run);
  add("abort", abortGroup);
  add("close", closeGroup);
  add("problemOf", problemOf);
  exports["groups"] = functions;
}
#else
void addGroups(Napi::Object exports, Instance*) { exports["groups"] = exports.Env().Null(); }
#endif

}  // namespace adjoint
