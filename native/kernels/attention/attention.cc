// Attention in tiles, without the matrix of all scores (Dao et al., "FlashAttention", 2022): the forward pass keeps a
// running maximum and sum of each query's scores, the backward pass computes the probabilities anew from
// logSum = log Σ exp(score), +∞ where a query sees no key (its probabilities, y and gradients are then 0).
//
// Operands are read with strides, so that heads may be side by side in a projection's result.
#include "pass.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {
namespace flash {

constexpr int64_t kGrain = 200'000;  // multiplications that are worth a thread
constexpr int64_t kGroup = 128;      // queries or keys of a part of the backward pass of few heads

// Bounds of a matrix of each head: the elements up to the last one, saturated.
int64_t reach(const Strides& s, const Layout& l, int64_t rows, int64_t width) {
  if (l.batch == 0 || l.heads == 0 || rows == 0 || width == 0) return 0;
  const int64_t heads = sum(product(l.batch - 1, s.batch), product(l.heads - 1, s.head));
  return sum(sum(s.offset, heads), sum(product(rows - 1, s.row), width));
}

// The numbers of a call: four strides (offset, batch, head, row) of each of q, k, v and y, three (batch, head, row) of
// mask and of bias.
#define ADJOINT_NUMBERS "batch,heads,queries,keys,width,valueWidth,causal,strides"
constexpr int64_t kLayoutCount = 7 + 4 * 4 + 2 * 3;

Layout readLayout(Integers n) {
  const auto four = [&](int64_t at) { return Strides{n[at], n[at + 1], n[at + 2], n[at + 3]}; };
  const auto three = [&](int64_t at) { return Strides{0, n[at], n[at + 1], n[at + 2]}; };
  return {n[0], n[1], n[2], n[3], n[4], n[5], n[6], four(7), four(11), four(15), four(19), three(23), three(26)};
}

// The spans and numbers that both directions take.
template <typename T>
struct Given {
  In<T> q, k, v;
  In<uint8_t> mask;
  In<T> bias;
  double scale, dropout;
  Integers numbers;
};

template <typename T, typename State>
bool fits(const Given<T>& g, const Layout& l, State state) {
  if (reach(l.q, l, l.queries, l.width) > g.q.length || reach(l.k, l, l.keys, l.width) > g.k.length) return false;
  if (reach(l.v, l, l.keys, l.valueWidth) > g.v.length) return false;
  if (g.mask.data && reach(l.mask, l, l.queries, l.keys) > g.mask.length) return false;
  if (g.bias.data && reach(l.bias, l, l.queries, l.keys) > g.bias.length) return false;
  return g.dropout >= 0 && g.dropout <= 1 && state.length == (g.dropout > 0 ? 4 : 0);
}

// Whether an array contains the rows of all heads and nothing else.
bool holds(int64_t length, const Strides& s, const Layout& l, int64_t rows, int64_t width) {
  return length == product(l.batch, l.heads, rows, width) && reach(s, l, rows, width) <= length;
}

template <typename T, typename State>
Problem<T> problemOf(const Given<T>& g, const Layout& l, State state) {
  const bool drops = g.dropout > 0;
  const Drop drop =
      drops ? Drop{true, seedOf(state), positionOf(state), chancesOf(g.dropout), keepScale(g.dropout)} : Drop{};
  return {l, g.q.data, g.k.data, g.v.data, g.bias.data, g.mask.data, static_cast<T>(g.scale), drop};
}

// Heads, or parts of them, that are worth a thread.
int64_t grainOf(const Layout& l, int64_t rows) {
  const int64_t work = product(rows, l.keys, sum(l.width, l.valueWidth));
  return work >= kGrain ? 1 : kGrain / (work + 1) + 1;
}

// y = softmax(q · kᵀ · scale + bias, over the keys that mask and causal allow) · v for each head; logSum [batch, heads,
// queries]. With dropout, state is read and advanced and `start` remembers it; else both are absent.
template <typename T>
Outcome attention(Out<T> y, Out<T> logSum, InOut<int32_t> state, Out<int32_t> start, In<T> q, In<T> k, In<T> v,
                  In<uint8_t> mask, In<T> bias, double scale, double dropout, Integers numbers) {
  if (numbers.count != kLayoutCount) return misfit();
  const Layout l = readLayout(numbers);
  const Given<T> given{q, k, v, mask, bias, scale, dropout, numbers};
  if (!holds(y.length, l.y, l, l.queries, l.valueWidth)) return misfit();
  if (logSum.length != product(l.batch, l.heads, l.queries)) return misfit();
  if (!fits(given, l, state) || start.length != state.length) return misfit();
  const Problem<T> problem = problemOf(given, l, state);
  if (problem.drop.active) {
    for (int i = 0; i < 4; i++) start[i] = state[i];
    advance(state, logSum.length * ceilDivide(l.keys, 4));
  }
  if (logSum.length == 0) return ok();
  const int64_t blocks = ceilDivide(l.queries, kQueries<T>);
  parallel(l.batch * l.heads * blocks, grainOf(l, kQueries<T>), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const int64_t unit = i / blocks;
      attend(Head<T>(problem, unit), i % blocks * kQueries<T>, headOf(y.data, l.y, l, unit),
             logSum.data + unit * l.queries);
    }
  });
  return ok();
}

// Runs `attendBackward` for all blocks: a head at a time or, where there are fewer heads than threads, in two turns
// that split the queries for dq and the keys for dk and dv.
template <typename T, typename GradientsOf>
void backwardAll(const Problem<T>& problem, GradientsOf gradientsOf) {
  const Layout& l = problem.layout;
  const int64_t heads = l.batch * l.heads;
  const auto turn = [&](bool ofQueries, bool ofKeys, int64_t queryParts, int64_t keyParts) {
    const int64_t parts = queryParts * keyParts;
    const auto bound = [](int64_t part, int64_t of, int64_t n) { return part == of ? n : part * kGroup; };
    parallel(heads * parts, grainOf(l, l.queries / queryParts), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; i++) {
        const int64_t unit = i / parts, queryPart = i % parts / keyParts, keyPart = i % keyParts;
        Gradients<T> g = gradientsOf(unit);
        g.ofQueries = ofQueries;
        g.ofKeys = ofKeys;
        const int64_t jBegin = bound(keyPart, keyParts, l.keys), jEnd = bound(keyPart + 1, keyParts, l.keys);
        if (ofKeys) clearRows(g.dk, l.width, jBegin, jEnd), clearRows(g.dv, l.valueWidth, jBegin, jEnd);
        const int64_t iEnd = bound(queryPart + 1, queryParts, l.queries);
        for (int64_t i0 = bound(queryPart, queryParts, l.queries); i0 < iEnd; i0 += kQueries<T>) {
          attendBackward(Head<T>(problem, unit), g, i0, jBegin, jEnd);
        }
      }
    });
  };
  if (heads >= threadCount()) return turn(true, true, 1, 1);
  turn(true, false, l.queries > kGroup ? ceilDivide(l.queries, kGroup) : 1, 1);
  turn(false, true, 1, l.keys > kGroup ? ceilDivide(l.keys, kGroup) : 1);
}

// The gradients of q, k and v, laid out as they are; or all in dq, when they are parts of one array and dk and dv
// absent.
template <typename T>
Outcome attentionBackward(Out<T> dq, Out<T> dk, Out<T> dv, In<T> dy, In<T> y, In<T> logSum, In<int32_t> start, In<T> q,
                          In<T> k, In<T> v, In<uint8_t> mask, In<T> bias, double scale, double dropout,
                          Integers numbers) {
  if (numbers.count != kLayoutCount) return misfit();
  const Layout l = readLayout(numbers);
  const Given<T> given{q, k, v, mask, bias, scale, dropout, numbers};
  if (dy.length != y.length || !holds(y.length, l.y, l, l.queries, l.valueWidth)) return misfit();
  if (logSum.length != product(l.batch, l.heads, l.queries) || !fits(given, l, start)) return misfit();
  const bool packed = !dk.data && !dv.data && dq.data;
  if (packed) {
    const int64_t ofQueries = product(l.queries, l.width), ofKeys = product(l.keys, sum(l.width, l.valueWidth));
    if (dq.length != product(l.batch, l.heads, sum(ofQueries, ofKeys))) return misfit();
    if (reach(l.q, l, l.queries, l.width) > dq.length || reach(l.k, l, l.keys, l.width) > dq.length) return misfit();
    if (reach(l.v, l, l.keys, l.valueWidth) > dq.length) return misfit();
  } else if (!holds(dq.length, l.q, l, l.queries, l.width) || !holds(dk.length, l.k, l, l.keys, l.width) ||
             !holds(dv.length, l.v, l, l.keys, l.valueWidth)) {
    return misfit();
  }
  T* const keyGradient = packed ? dq.data : dk.data;
  T* const valueGradient = packed ? dq.data : dv.data;
  if (l.batch == 0 || l.heads == 0) return ok();
  backwardAll(problemOf(given, l, start), [&](int64_t unit) {
    return Gradients<T>{headOf(dq.data, l.q, l, unit),
                        headOf(keyGradient, l.k, l, unit),
                        headOf(valueGradient, l.v, l, unit),
                        headOf(dy.data, l.y, l, unit),
                        headOf(y.data, l.y, l, unit),
                        logSum.data + unit * l.queries,
                        true,
                        true};
  });
  return ok();
}

// The factors of attention's dropout: kept [rows, keys] is 0 or 1 / (1 - p).
template <typename T>
Outcome attentionKept(Out<T> kept, In<int32_t> start, int64_t rows, int64_t keys, double dropout) {
  if (kept.length != product(rows, keys) || start.length != 4 || !(dropout >= 0 && dropout <= 1)) return misfit();
  const Seed seed = seedOf(start);
  const int32_t chances = chancesOf(dropout);
  const T scale = static_cast<T>(keepScale(dropout));
  const int64_t perRow = ceilDivide(keys, 4);
  for (int64_t row = 0; row < (keys > 0 ? rows : 0); row++) {
    for (int64_t j = 0; j < keys; j += 4) {
      const Words w = philoxBlock(seed, positionOf(start) + static_cast<uint64_t>(row * perRow + j / 4));
      const uint32_t words[4] = {w.w0, w.w1, w.w2, w.w3};
      for (int64_t i = j; i < smaller(j + 4, keys); i++) {
        kept[row * keys + i] = happens(words[i - j], chances) ? T(0) : scale;
      }
    }
  }
  return ok();
}

// `ofWidth` and `ofValue` products along the width of queries and keys and along that of values, for the pairs that
// causality leaves.
double flopsOf(Integers numbers, int64_t ofWidth, int64_t ofValue) {
  const Layout l = readLayout(numbers);
  double pairs = static_cast<double>(l.queries) * static_cast<double>(l.keys);
  if (l.causal > 0) {
    pairs = 0;
    for (int64_t i = 0; i < l.queries; i++) pairs += static_cast<double>(smaller(l.keys, i + l.causal));
  }
  return 2.0 * static_cast<double>(l.batch * l.heads) * pairs *
         static_cast<double>(ofWidth * l.width + ofValue * l.valueWidth);
}

// Scores and weighted values.
double attentionFlops(Out<float>, Out<float>, InOut<int32_t>, Out<int32_t>, In<float>, In<float>, In<float>,
                      In<uint8_t>, In<float>, double, double, Integers numbers) {
  return flopsOf(numbers, 1, 1);
}

// The scores once more, then the gradients of weights, values, queries and keys.
double attentionBackwardFlops(Out<float>, Out<float>, Out<float>, In<float>, In<float>, In<float>, In<int32_t>,
                              In<float>, In<float>, In<float>, In<uint8_t>, In<float>, double, double,
                              Integers numbers) {
  return flopsOf(numbers, 3, 2);
}

}  // namespace flash

using flash::attentionBackward;
using flash::attentionKept;

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint

ADJOINT_FAMILY(attention,
               flops<flash::attentionFlops>(kernel<ADJOINT_EACH_FLOAT(ADJOINT_INSTANCE, flash::attention)>(
                   "attention", "y logSum state start q k v mask bias scale dropout " ADJOINT_NUMBERS)),
               flops<flash::attentionBackwardFlops>(ADJOINT_FLOATS(
                   attentionBackward, "dq dk dv dy y logSum start q k v mask bias scale dropout " ADJOINT_NUMBERS)),
               ADJOINT_FLOATS(attentionKept, "kept start rows keys dropout"))
