#include "plan.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "arena.h"
#include "bind.h"
#include "pointwise.h"

namespace adjoint {
namespace {

// Constants larger than this are recomputed in the arena rather than kept.
constexpr size_t kMostConstant = 64 << 10;
// Shorter chains stay in the first caches anyway. Larger than every grain in loops.h, so that each kernel of a chain
// asks the thread pool to run its loop.
constexpr int64_t kLeastFused = 40000;
constexpr int kMostFused = 16;

class Planner {
 public:
  explicit Planner(Recording& recording) : recording_(recording), buffers_(recording.buffers) {}

  Plan plan() {
    foldConstants();
    dropDead();
    hasten();
    group();
    findLives();
    shareWithOperands();
    place();
    return std::move(plan_);
  }

 private:
  const RecordedOperation& operation(int position) const {
    return recording_.operations[static_cast<size_t>(plan_.order[static_cast<size_t>(position)])];
  }
  RecordedBuffer& buffer(const RecordedSpan& span) { return buffers_[static_cast<size_t>(span.buffer)]; }
  bool isWhole(const RecordedSpan& span) {
    return span.offset == 0 && static_cast<size_t>(span.length) * bytesPerElement(span.dtype) == buffer(span).bytes;
  }

  // Runs operations now that depend on constants only and alone write their results: scalars made from numbers, ones to
  // begin a backward pass with.
  void foldConstants() {
    std::vector<int> writers(buffers_.size(), 0);
    for (const RecordedOperation& o : recording_.operations) {
      forEachSpan(o, [&](const RecordedSpan& span, ArgumentKind kind) {
        if (isWritten(kind)) writers[static_cast<size_t>(span.buffer)]++;
      });
    }
    std::vector<RecordedOperation> rest;
    for (RecordedOperation& o : recording_.operations) {
      bool constant = !o.kernel->shared;
      forEachSpan(o, [&](const RecordedSpan& span, ArgumentKind kind) {
        const BufferKind where = buffer(span).kind;
        constant = constant && (isWritten(kind) ? !isRead(kind) && where == BufferKind::kArena && isWhole(span) &&
                                                      writers[static_cast<size_t>(span.buffer)] == 1 &&
                                                      buffer(span).bytes <= kMostConstant
                                                : where == BufferKind::kConstant);
      });
      if (!constant || !compute(o)) rest.push_back(std::move(o));
    }
    recording_.operations = std::move(rest);
  }

  bool compute(const RecordedOperation& o) {
    std::vector<RecordedBuffer*> made;
    bool allocated = true;
    forEachSpan(o, [&](const RecordedSpan& span, ArgumentKind kind) {
      if (!isWritten(kind)) return;
      buffer(span).storage = StorageRef::allocate(buffer(span).bytes);
      allocated = allocated && buffer(span).storage;
      made.push_back(&buffer(span));
    });
    const auto address = [&](int b) { return buffers_[static_cast<size_t>(b)].storage->data(); };
    const bool done = allocated && BoundOperations({&o}, address).run(0).code == Outcome::kOk;
    for (RecordedBuffer* b : made) {
      if (done) {
        b->kind = BufferKind::kConstant;
      } else {
        b->storage = {};
      }
    }
    return done;
  }

  // Keeps operations that lead to an output or change something outside; drawing a random number advances its generator,
  // and other processes wait for what is shared.
  void dropDead() {
    std::vector<bool> wanted(buffers_.size(), false);
    for (const RecordedSpan& output : recording_.outputs) wanted[static_cast<size_t>(output.buffer)] = true;
    for (int i = static_cast<int>(recording_.operations.size()) - 1; i >= 0; i--) {
      const RecordedOperation& o = recording_.operations[static_cast<size_t>(i)];
      bool needed = o.kernel->shared;
      forEachSpan(o, [&](const RecordedSpan& span, ArgumentKind kind) {
        const bool arena = buffer(span).kind == BufferKind::kArena;
        if (isWritten(kind) && (!arena || wanted[static_cast<size_t>(span.buffer)])) needed = true;
      });
      if (!needed) continue;
      plan_.order.push_back(i);
      forEachSpan(o, [&](const RecordedSpan& span, ArgumentKind kind) {
        if (kind == ArgumentKind::kOut && isWhole(span)) wanted[static_cast<size_t>(span.buffer)] = false;
      });
      forEachSpan(o, [&](const RecordedSpan& span, ArgumentKind kind) {
        if (isRead(kind)) wanted[static_cast<size_t>(span.buffer)] = true;
      });
    }
    std::reverse(plan_.order.begin(), plan_.order.end());
  }

  // What begins to be sent is sent at once: operations that it does not need come after it, and run while it travels.
  void hasten() {
    for (int at = 0; at < static_cast<int>(plan_.order.size()); at++) {
      if (begins(operation(at))) hastenOne(at);
    }
  }

  // Something between processes that only reads what it is given: nobody waits in it.
  static bool begins(const RecordedOperation& o) {
    bool changes = false;
    forEachSpan(o, [&](const RecordedSpan&, ArgumentKind kind) { changes |= isRead(kind) && isWritten(kind); });
    return o.kernel->shared && !changes;
  }

  void hastenOne(int at) {
    std::vector<bool> read(buffers_.size(), false), written(buffers_.size(), false);
    std::vector<int> needed, others;  // backwards
    for (int i = at; i >= 0; i--) {
      const RecordedOperation& o = operation(i);
      bool isNeeded = i == at || o.kernel->shared;  // those between processes keep their order
      forEachSpan(o, [&](const RecordedSpan& span, ArgumentKind kind) {
        const auto b = static_cast<size_t>(span.buffer);
        isNeeded |= written[b] || (isWritten(kind) && read[b]);
      });
      (isNeeded ? needed : others).push_back(plan_.order[static_cast<size_t>(i)]);
      if (!isNeeded) continue;
      forEachSpan(o, [&](const RecordedSpan& span, ArgumentKind kind) {
        const auto b = static_cast<size_t>(span.buffer);
        read[b] = read[b] || isRead(kind);
        written[b] = written[b] || isWritten(kind);
      });
    }
    std::copy(others.rbegin(), others.rend(), std::copy(needed.rbegin(), needed.rend(), plan_.order.begin()));
  }

  void group() {
    const int count = static_cast<int>(plan_.order.size());
    plan_.commit = -1;
    for (int first = 0; first < count;) {
      int end = first + 1;
      const int64_t n = chainWidth(operation(first));
      while (n >= kLeastFused && end < count && end - first < kMostFused && width(operation(end)) == n) {
        bool may = true;
        for (int i = first; i < end && may; i++) may = mayFuse(operation(i), operation(end));
        if (!may) break;
        end++;
      }
      for (int i = first; i < end; i++) {
        forEachSpan(operation(i), [&](const RecordedSpan& span, ArgumentKind kind) {
          if (isWritten(kind) && buffer(span).kind == BufferKind::kCaptured && plan_.commit < 0) {
            plan_.commit = static_cast<int>(plan_.groups.size());
          }
        });
      }
      plan_.groups.push_back({first, end - first});
      first = end;
    }
    if (plan_.commit < 0) plan_.commit = static_cast<int>(plan_.groups.size());
  }

  void touch(const RecordedSpan& span, int when) {
    Life& life = lives_[static_cast<size_t>(span.buffer)];
    if (life.first < 0) life.first = when;
    life.last = when;
  }

  void findLives() {
    lives_.resize(buffers_.size());
    homes_.resize(buffers_.size());
    std::iota(homes_.begin(), homes_.end(), 0);
    const int groups = static_cast<int>(plan_.groups.size());
    for (int g = 0; g < groups; g++) {
      const Group& group = plan_.groups[static_cast<size_t>(g)];
      for (int i = group.first; i < group.first + group.count; i++) {
        forEachSpan(operation(i), [&](const RecordedSpan& span, ArgumentKind) { touch(span, g); });
      }
    }
    for (const RecordedSpan& output : recording_.outputs) touch(output, groups);
    for (size_t b = 0; b < buffers_.size(); b++) {
      if (buffers_[b].kind == BufferKind::kHost) lives_[b] = {0, groups};  // filled before, and advanced by the step
    }
  }

  int home(int b) const {
    while (homes_[static_cast<size_t>(b)] != b) b = homes_[static_cast<size_t>(b)];
    return b;
  }

  // A pointwise result takes the place of an operand that this operation is the last to need.
  void shareWithOperands() {
    for (int g = 0; g < static_cast<int>(plan_.groups.size()); g++) {
      const Group& group = plan_.groups[static_cast<size_t>(g)];
      for (int i = group.first; i < group.first + group.count; i++) {
        if (operation(i).kernel->pointwise) shareOne(g, group, i);
      }
    }
  }

  void shareOne(int g, const Group& group, int i) {
    const RecordedOperation& o = operation(i);
    std::optional<RecordedSpan> result;
    forEachOperand(o, [&](const RecordedSpan& span, ArgumentKind kind, bool) {
      const bool fresh = kind == ArgumentKind::kOut && buffer(span).kind == BufferKind::kArena && isWhole(span) &&
                         lives_[static_cast<size_t>(span.buffer)].first == g && firstTouch(group, span.buffer) == i;
      if (fresh) result = span;
    });
    if (!result) return;
    int taken = -1;
    forEachOperand(o, [&](const RecordedSpan& span, ArgumentKind kind, bool aligned) {
      if (kind != ArgumentKind::kIn || taken >= 0 || span.buffer == result->buffer) return;
      const bool fits = buffer(span).kind == BufferKind::kArena && aligned && isWhole(span) &&
                        bytesPerElement(span.dtype) == bytesPerElement(result->dtype) &&
                        lives_[static_cast<size_t>(home(span.buffer))].last == g &&
                        lastTouch(group, home(span.buffer)) == i;
      if (fits) taken = span.buffer;
    });
    if (taken < 0) return;
    const int place = home(taken);
    bool free = true;  // in a fused group the operations before this one have not seen the later tiles yet
    for (int k = group.first; k <= i; k++) {
      forEachOperand(operation(k), [&](const RecordedSpan& span, ArgumentKind, bool aligned) {
        free = free && (home(span.buffer) != place || (aligned && isWhole(span)));
      });
    }
    if (!free) return;
    homes_[static_cast<size_t>(result->buffer)] = place;
    lives_[static_cast<size_t>(place)].last = lives_[static_cast<size_t>(result->buffer)].last;
  }

  // The first operation of a group that touches a buffer, and the last one that touches a place.
  int firstTouch(const Group& group, int b) {
    for (int i = group.first; i < group.first + group.count; i++) {
      bool touched = false;
      forEachSpan(operation(i), [&](const RecordedSpan& span, ArgumentKind) { touched |= span.buffer == b; });
      if (touched) return i;
    }
    return -1;
  }
  int lastTouch(const Group& group, int place) {
    int last = -1;
    for (int i = group.first; i < group.first + group.count; i++) {
      forEachSpan(operation(i), [&](const RecordedSpan& span, ArgumentKind) {
        if (home(span.buffer) == place) last = i;
      });
    }
    return last;
  }

  void place() {
    std::vector<Piece> pieces;
    std::vector<int> whose;
    for (size_t b = 0; b < buffers_.size(); b++) {
      const bool here = buffers_[b].kind == BufferKind::kArena || buffers_[b].kind == BufferKind::kHost;
      if (!here || lives_[b].first < 0 || homes_[b] != static_cast<int>(b)) continue;
      pieces.push_back({static_cast<int64_t>(buffers_[b].bytes), lives_[b]});
      whose.push_back(static_cast<int>(b));
    }
    plan_.arenaBytes = placePieces(&pieces);
    plan_.offsets.assign(buffers_.size(), -1);
    for (size_t i = 0; i < pieces.size(); i++) plan_.offsets[static_cast<size_t>(whose[i])] = pieces[i].offset;
    for (size_t b = 0; b < buffers_.size(); b++) {
      plan_.offsets[b] = plan_.offsets[static_cast<size_t>(home(static_cast<int>(b)))];
    }
  }

  Recording& recording_;
  std::vector<RecordedBuffer>& buffers_;
  Plan plan_;
  std::vector<Life> lives_;
  std::vector<int> homes_;  // the buffer whose place a buffer shares; itself mostly
};

}  // namespace

Plan makePlan(Recording& recording) { return Planner(recording).plan(); }

}  // namespace adjoint
