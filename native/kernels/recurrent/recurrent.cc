// Recurrent layers, PyTorch's equations and order of gates. A cell computes one step of one sequence: `a` are the
// products with its input (which may be `gates`), `b` those with its state h, `bias` both biases where they add up.
#include "../math.h"
#include "backward.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

// directions: 1 or 2; batchFirst: rows of x and y are [batch, steps].
#define ADJOINT_SIZES "steps,batch,inFeatures,hidden,directions,batchFirst"
constexpr int64_t kSizes = 6;

// i, f, o = σ(z), g = tanh(z); c = f c + i g; h = o tanh(c). Keeps i, f, g, o and c.
template <typename T>
struct Lstm {
  static constexpr int64_t gates = 4, kept = 4, needed = 4, gradients = 4;
  static constexpr bool hasCells = true;
  static constexpr int64_t options = 0;  // numbers after the sizes
  static Lstm of(Integers) { return {}; }

  static void joinBiases(int64_t n, T* to, const T* biasIh, const T* biasHh) {
    for (int64_t j = 0; j < 4 * n; j++) to[j] = biasIh[j] + biasHh[j];
  }

  void forward(int64_t n, T* y, T* gates, T* cells, const T* a, const T* b, const T* bias, T* h, T* c) const {
#pragma omp simd
    for (int64_t j = 0; j < n; j++) {
      const T i = math::sigmoid(a[j] + b[j] + bias[j]);
      const T f = math::sigmoid(a[j + n] + b[j + n] + bias[j + n]);
      const T g = math::tanh(a[j + 2 * n] + b[j + 2 * n] + bias[j + 2 * n]);
      const T o = math::sigmoid(a[j + 3 * n] + b[j + 3 * n] + bias[j + 3 * n]);
      const T cell = f * c[j] + i * g;
      const T state = o * math::tanh(cell);
      gates[j] = i;
      gates[j + n] = f;
      gates[j + 2 * n] = g;
      gates[j + 3 * n] = o;
      c[j] = cells[j] = cell;
      h[j] = y[j] = state;
    }
  }

  void backward(int64_t n, T* dz, T* dzNow, T* dh, T* dc, const T*, const T*, const T* gates, const T* cells,
                const T* previousCells) const {
#pragma omp simd
    for (int64_t j = 0; j < n; j++) {
      const T i = gates[j], f = gates[j + n], g = gates[j + 2 * n], o = gates[j + 3 * n];
      const T t = math::tanh(cells[j]);
      const T dCell = dc[j] + dh[j] * o * (T(1) - t * t);
      const T di = dCell * g * i * (T(1) - i), dg = dCell * i * (T(1) - g * g);
      const T df = previousCells ? dCell * previousCells[j] * f * (T(1) - f) : T(0);
      const T dO = dh[j] * t * o * (T(1) - o);
      dz[j] = dzNow[j] = di;
      dz[j + n] = dzNow[j + n] = df;
      dz[j + 2 * n] = dzNow[j + 2 * n] = dg;
      dz[j + 3 * n] = dzNow[j + 3 * n] = dO;
      dc[j] = dCell * f;
      dh[j] = T(0);
    }
  }
};

// r, z = σ(…), n = tanh(x part + r (h part + b_hn)); h = (1 - z) n + z h. Keeps r, z, n and the h part of n.
template <typename T>
struct Gru {
  static constexpr int64_t gates = 3, kept = 4, needed = 4, gradients = 4;
  static constexpr bool hasCells = false;
  static constexpr int64_t options = 0;
  static Gru of(Integers) { return {}; }

  // b_ir + b_hr, b_iz + b_hz, b_in, b_hn
  static void joinBiases(int64_t n, T* to, const T* biasIh, const T* biasHh) {
    for (int64_t j = 0; j < 2 * n; j++) to[j] = biasIh[j] + biasHh[j];
    copyRow(to + 2 * n, biasIh + 2 * n, n);
    copyRow(to + 3 * n, biasHh + 2 * n, n);
  }

  void forward(int64_t n, T* y, T* gates, T*, const T* a, const T* b, const T* bias, T* h, T*) const {
#pragma omp simd
    for (int64_t j = 0; j < n; j++) {
      const T r = math::sigmoid(a[j] + b[j] + bias[j]);
      const T z = math::sigmoid(a[j + n] + b[j + n] + bias[j + n]);
      const T ofState = b[j + 2 * n] + bias[j + 3 * n];
      const T candidate = math::tanh(a[j + 2 * n] + bias[j + 2 * n] + r * ofState);
      gates[j] = r;
      gates[j + n] = z;
      gates[j + 2 * n] = candidate;
      gates[j + 3 * n] = ofState;
      h[j] = y[j] = (T(1) - z) * candidate + z * h[j];
    }
  }

  // dz: of r, z, n and of the h part of n.
  void backward(int64_t n, T* dz, T* dzNow, T* dh, T*, const T*, const T* previous, const T* gates, const T*,
                const T*) const {
#pragma omp simd
    for (int64_t j = 0; j < n; j++) {
      const T r = gates[j], z = gates[j + n], candidate = gates[j + 2 * n], ofState = gates[j + 3 * n];
      const T dCandidate = dh[j] * (T(1) - z) * (T(1) - candidate * candidate);
      const T dR = dCandidate * ofState * r * (T(1) - r);
      const T dZ = dh[j] * (previous[j] - candidate) * z * (T(1) - z);
      dz[j] = dzNow[j] = dR;
      dz[j + n] = dzNow[j + n] = dZ;
      dz[j + 2 * n] = dCandidate;
      dz[j + 3 * n] = dzNow[j + 2 * n] = dCandidate * r;
      dh[j] *= z;
    }
  }
};

// h = f(x part + h part), f = tanh or relu.
template <typename T>
struct Rnn {
  static constexpr int64_t gates = 1, kept = 1, needed = 0, gradients = 1;
  static constexpr bool hasCells = false;
  static constexpr int64_t options = 1;
  static Rnn of(Integers sizes) { return {sizes[kSizes] != 0}; }
  bool relu;

  static void joinBiases(int64_t n, T* to, const T* biasIh, const T* biasHh) {
    for (int64_t j = 0; j < n; j++) to[j] = biasIh[j] + biasHh[j];
  }

  void forward(int64_t n, T* y, T* gates, T*, const T* a, const T* b, const T* bias, T* h, T*) const {
    if (relu) {
#pragma omp simd
      for (int64_t j = 0; j < n; j++) {
        const T sum = gates[j] = a[j] + b[j] + bias[j];
        h[j] = y[j] = sum < T(0) ? T(0) : sum;
      }
    } else {
#pragma omp simd
      for (int64_t j = 0; j < n; j++) {
        const T sum = gates[j] = a[j] + b[j] + bias[j];
        h[j] = y[j] = math::tanh(sum);
      }
    }
  }

  void backward(int64_t n, T* dz, T* dzNow, T* dh, T*, const T* y, const T*, const T*, const T*, const T*) const {
    const bool isRelu = relu;
#pragma omp simd
    for (int64_t j = 0; j < n; j++) {
      const T slope = isRelu ? (y[j] > T(0) ? T(1) : T(0)) : T(1) - y[j] * y[j];
      dz[j] = dzNow[j] = dh[j] * slope;
      dh[j] = T(0);
    }
  }
};

// results, states and kept are lists of spans in the orders named below.
Sizes sizesOf(Integers sizes) { return {sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5]}; }

template <typename Cell>
bool areSizesOf(Integers sizes) {
  return sizes.count == kSizes + Cell::options;
}

// results: y, hN, gates and, of an LSTM, cN, cells; states: h0 and, of an LSTM, c0.
template <typename Cell, typename T>
Outcome forward(Outs<T> results, Workspace workspace, In<T> x, Ins<T> states, Ins<T> weights, In<int32_t> lengths,
                Integers sizes) {
  constexpr bool cells = Cell::hasCells;
  if (!areSizesOf<Cell>(sizes)) return misfit();
  if (results.count != (cells ? 5 : 3) || states.count != (cells ? 2 : 1)) return misfit();
  Forward<T> f{results[0], results[1], {}, results[2], {}, x, states[0], {}, lengths};
  if (cells) f.cN = results[3], f.cells = results[4], f.c0 = states[1];
  return runForward(Cell::of(sizes), sizesOf(sizes), f, weights, workspace);
}

// gradients: of x, h0, c0 (an LSTM's) and then of each direction's weightIh, weightHh, biasIh, biasHh; unwanted ones
// are absent. upstream: of y, hN, cN; kept: y, gates, cells.
template <typename Cell, typename T>
Outcome backward(Outs<T> gradients, Workspace workspace, Ins<T> upstream, In<T> x, Ins<T> states, Ins<T> kept,
                 Ins<T> weights, In<int32_t> lengths, Integers sizes) {
  constexpr int64_t count = Cell::hasCells ? 2 : 1;
  if (!areSizesOf<Cell>(sizes)) return misfit();
  const Sizes s = sizesOf(sizes);
  if (s.directions < 1 || s.directions > 2 || gradients.count != 1 + count + 4 * s.directions ||
      upstream.count != 1 + count || states.count != count || kept.count != 2 + Cell::hasCells) {
    return misfit();
  }
  Backward<T> g{gradients[0], gradients[1], {},      {},      upstream[0], upstream[1], {}, x,
                states[0],    {},           kept[0], kept[1], {},          lengths};
  if (Cell::hasCells) g.dc0 = gradients[2], g.dcN = upstream[2], g.c0 = states[1], g.cells = kept[2];
  for (int64_t d = 0; d < s.directions; d++) {
    const int64_t first = 1 + count + 4 * d;
    g.weights[d] = {gradients[first], gradients[first + 1], gradients[first + 2], gradients[first + 3]};
  }
  return runBackward(Cell::of(sizes), s, g, weights, workspace);
}

template <typename T>
constexpr auto* lstm = forward<Lstm<T>, T>;
template <typename T>
constexpr auto* lstmBackward = backward<Lstm<T>, T>;
template <typename T>
constexpr auto* gru = forward<Gru<T>, T>;
template <typename T>
constexpr auto* gruBackward = backward<Gru<T>, T>;
template <typename T>
constexpr auto* rnn = forward<Rnn<T>, T>;
template <typename T>
constexpr auto* rnnBackward = backward<Rnn<T>, T>;

// The products with both weights. Shorter sequences of the batch count as if they were whole.
double productFlops(const Sizes& s, int64_t gates, int64_t columns) {
  return 2.0 * static_cast<double>(product(s.directions, s.rows(), gates * s.hidden)) * static_cast<double>(columns);
}

template <int64_t gates>
double layerFlops(Outs<float>, Workspace, In<float>, Ins<float>, Ins<float>, In<int32_t>, Integers sizes) {
  const Sizes s = sizesOf(sizes);
  return productFlops(s, gates, s.inFeatures + s.hidden);
}

// The gradients of the weights are as much as the forward pass, and so are those of states and x, if that is wanted.
template <int64_t gates>
double backwardFlops(Outs<float> gradients, Workspace, Ins<float>, In<float>, Ins<float>, Ins<float>, Ins<float>,
                     In<int32_t>, Integers sizes) {
  const Sizes s = sizesOf(sizes);
  return productFlops(s, gates, 2 * s.hidden + (gradients[0].length > 0 ? 2 : 1) * s.inFeatures);
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint

#define ADJOINT_LAYER(name, gates, sizes)                                                    \
  flops<layerFlops<gates>>(ADJOINT_FLOATS(name, "results x states weights lengths " sizes)), \
      flops<backwardFlops<gates>>(                                                           \
          ADJOINT_FLOATS(name##Backward, "gradients upstream x states kept weights lengths " sizes))
ADJOINT_FAMILY(recurrent, ADJOINT_LAYER(lstm, 4, ADJOINT_SIZES), ADJOINT_LAYER(gru, 3, ADJOINT_SIZES),
               ADJOINT_LAYER(rnn, 1, ADJOINT_SIZES ",relu"))
