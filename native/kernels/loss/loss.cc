// Losses and their gradients in one pass each. `reduction` is 0 none, 1 mean, 2 sum; the upstream gradient dy is as
// long as the loss.
#include "../softmax.h"
#include "pointwise.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

// The class indices of a classification, [rows][inner], and the weight of each class, [classes] or absent.
template <typename T>
struct Labels {
  In<int32_t> index;
  In<T> weight;
  int64_t rows, classes, inner;
  double ignored;

  bool counts(int64_t k) const { return static_cast<double>(index[k]) != ignored; }
  T weightOf(int64_t k) const { return !counts(k) ? T(0) : weight.data == nullptr ? T(1) : weight[index[k]]; }
  T classWeight(int64_t c) const { return weight.data == nullptr ? T(1) : weight[c]; }
  double totalClassWeight() const {
    double total = 0;
    for (int64_t c = 0; c < classes; ++c) total += static_cast<double>(classWeight(c));
    return total;
  }
  // Whether all sizes fit (of scores x or their gradient, total, losses or theirs); the first label that is no class and
  // not ignored as a fault.
  Outcome check(int64_t scores, int64_t total, int64_t losses, int64_t reduction) const {
    if (index.length != product(rows, inner) || !absentOr(weight, classes)) return misfit();
    if (scores != product(rows, classes, inner) || total != 1) return misfit();
    if (!lossFits(losses, index.length, reduction)) return misfit();
    for (int64_t k = 0; k < index.length; ++k) {
      if ((index[k] < 0 || index[k] >= classes) && counts(k)) return fault(k, index[k]);
    }
    return ok();
  }
  // Where x [rows][classes][inner] has class 0 of label k.
  int64_t offset(int64_t k) const { return k / inner * classes * inner + k % inner; }
};

// Collects losses and weights of labels [0, n) in parts, and writes the loss, [n] or [1], and total [1], the weights'
// sum. lossesOf(begin, end, emit) calls emit(k, loss) for each label.
template <typename T, typename Losses>
inline void collect(const Labels<T>& labels, Out<T> loss, Out<T> total, int64_t reduction, Losses&& lossesOf) {
  const int64_t n = labels.index.length;
  const int64_t rows = labels.rows;
  const int64_t parts = smaller(larger(1, rows), partsOf(product(n, labels.classes)));
  double losses[kMostParts];
  double weights[kMostParts];
  parallel(parts, 1, [&](int64_t first, int64_t last) {
    for (int64_t part = first; part < last; ++part) {
      double lossSum = 0;
      double weightSum = 0;
      lossesOf(rows / parts * part, part + 1 < parts ? rows / parts * (part + 1) : rows, [&](int64_t k, T value) {
        lossSum += static_cast<double>(value);
        weightSum += static_cast<double>(labels.weightOf(k));
        if (reduction == Reduction::kNone) loss[k] = value;
      });
      losses[part] = lossSum;
      weights[part] = weightSum;
    }
  });
  double lossSum = 0;
  double weightSum = 0;
  for (int64_t part = 0; part < parts; ++part) {
    lossSum += losses[part];
    weightSum += weights[part];
  }
  total[0] = static_cast<T>(weightSum);
  if (reduction != Reduction::kNone) {
    loss[0] = static_cast<T>(reduction == Reduction::kMean ? lossSum / weightSum : lossSum);
  }
}

// The upstream gradient of one label.
template <typename T>
struct Upstream {
  In<T> dy;
  T shared;
  bool each;
  Upstream(In<T> dy, In<T> total, int64_t reduction)
      : dy(dy),
        shared(dy.length == 0                  ? T(0)
               : reduction == Reduction::kMean ? dy[0] / total[0]
                                               : dy[0]),
        each(reduction == Reduction::kNone) {}
  T operator[](int64_t k) const { return each ? dy[k] : shared; }
};

// loss [rows][inner] or [1]; total [1], the sum of the labels' weights; saved [2][rows][inner], the maximum of each
// label's scores and log Σ exp(score - maximum); x [rows][classes][inner]; labels [rows][inner]; weight [classes].
//   loss_k = (1 - smoothing) w_label (-log p_label) + smoothing / classes Σ_c w_c (-log p_c), ignored labels 0
template <typename T>
Outcome crossEntropy(Out<T> loss, Out<T> total, Out<T> saved, In<T> x, In<int32_t> index, In<T> weight, int64_t rows,
                     int64_t classes, int64_t inner, double ignored, double smoothing, int64_t reduction) {
  const Labels<T> labels{index, weight, rows, classes, inner, ignored};
  const int64_t n = index.length;
  const Outcome checked = labels.check(x.length, total.length, loss.length, reduction);
  if (checked.code != Outcome::kOk) return checked;
  if (saved.length != 2 * n || classes == 0) return misfit();
  T* most = saved.data;
  T* logSum = saved.data + n;
  const T sharp = static_cast<T>(1 - smoothing);
  const T smooth = static_cast<T>(smoothing / static_cast<double>(classes));
  const auto lossOf = [&](int64_t k) {
    if (!labels.counts(k)) return T(0);
    const T* scores = x.data + labels.offset(k);
    const T own = sharp * labels.weightOf(k) * ((most[k] - scores[index[k] * inner]) + logSum[k]);
    if (smoothing == 0) return own;
    double others = 0;
    for (int64_t c = 0; c < classes; ++c) {
      others += static_cast<double>(labels.classWeight(c) * ((most[k] - scores[c * inner]) + logSum[k]));
    }
    return own + smooth * static_cast<T>(others);
  };
  collect(labels, loss, total, reduction, [&](int64_t begin, int64_t end, auto&& emit) {
    if (n == 0) return;
    const int64_t step = inner == 1 ? larger(1, kBlock / classes) : 1;
    for (int64_t row = begin; row < end; row += step) {
      const int64_t stop = smaller(end, row + step);
      const T* scores = x.data + row * classes * inner;
      if (inner == 1) logSumExpOfRows(scores, stop - row, classes, most + row, logSum + row);
      for (int64_t j = 0; j < inner && inner > 1; j += kColumns) {
        const int64_t k = row * inner + j;
        logSumExpOfColumns(scores + j, classes, inner, smaller(kColumns, inner - j), most + k, logSum + k);
      }
      for (int64_t k = row * inner; k < stop * inner; ++k) emit(k, lossOf(k));
    }
  });
  return ok();
}

// dx [rows][classes][inner] = the softmax of x, each label's part times scaleOf(label); `saved` is crossEntropy's.
template <typename T, typename Scale>
inline void scaledSoftmax(Out<T> dx, In<T> x, In<T> saved, const Labels<T>& labels, Scale&& scaleOf) {
  const int64_t classes = labels.classes;
  const int64_t inner = labels.inner;
  const T* most = saved.data;
  const T* logSum = saved.data + labels.index.length;
  if (inner == 1) {
    forEachRowBlock(labels.rows, classes, [&](int64_t first, int64_t count) {
      for (int64_t k = first; k < first + count; ++k) {
#pragma omp simd
        for (int64_t i = k * classes; i < (k + 1) * classes; ++i) dx[i] = (x[i] - most[k]) - logSum[k];
      }
      expInPlace(dx.data + first * classes, count * classes);
      for (int64_t k = first; k < first + count; ++k) {
        const T scale = scaleOf(k);
#pragma omp simd
        for (int64_t i = k * classes; i < (k + 1) * classes; ++i) dx[i] = scale == 0 ? T(0) : dx[i] * scale;
      }
    });
    return;
  }
  forEachColumnTile(labels.rows, classes, inner, [&](int64_t from, int64_t k, int64_t width) {
    T scale[kColumns];
    for (int64_t j = 0; j < width; ++j) scale[j] = scaleOf(k + j);
    for (int64_t c = from; c < from + classes * inner; c += inner) {
#pragma omp simd
      for (int64_t j = 0; j < width; ++j) {
        const T p = math::exp((x[c + j] - most[k + j]) - logSum[k + j]);
        dx[c + j] = scale[j] == 0 ? T(0) : p * scale[j];
      }
    }
  });
}

// dx [rows][classes][inner]; the rest as above.
//   dx_c = dy (p_c (w_label (1 - smoothing) + smoothing / classes Σ w) - (1 - smoothing) w_label [c = label] -
//          smoothing / classes w_c), divided by the total weight where the mean was taken
template <typename T>
Outcome crossEntropyBackward(Out<T> dx, In<T> dy, In<T> total, In<T> saved, In<T> x, In<int32_t> index, In<T> weight,
                             int64_t rows, int64_t classes, int64_t inner, double ignored, double smoothing,
                             int64_t reduction) {
  const Labels<T> labels{index, weight, rows, classes, inner, ignored};
  const int64_t n = index.length;
  const Outcome checked = labels.check(x.length, total.length, dy.length, reduction);
  if (checked.code != Outcome::kOk) return checked;
  if (saved.length != 2 * n || dx.length != x.length) return misfit();
  if (x.length == 0) return ok();
  const Upstream<T> upstream(dy, total, reduction);
  const T sharp = static_cast<T>(1 - smoothing);
  const T smooth = static_cast<T>(smoothing / static_cast<double>(classes));
  const T spread = smoothing == 0 ? T(0) : static_cast<T>(smooth * labels.totalClassWeight());
  const auto subtractTarget = [&](int64_t k) {
    if (!labels.counts(k)) return;
    T* d = dx.data + labels.offset(k);
    d[index[k] * inner] -= upstream[k] * sharp * labels.weightOf(k);
    if (smoothing == 0) return;
    for (int64_t c = 0; c < classes; ++c) d[c * inner] -= upstream[k] * smooth * labels.classWeight(c);
  };
  const auto scaleOf = [&](int64_t k) {
    return labels.counts(k) ? upstream[k] * (sharp * labels.weightOf(k) + spread) : T(0);
  };
  scaledSoftmax(dx, x, saved, labels, scaleOf);
  parallel(n, larger(1, kSoftmaxGrain / classes), [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) subtractTarget(k);
  });
  return ok();
}

// loss [rows][inner] or [1] = -w_label x_label; total [1]; x [rows][classes][inner], log-probabilities
template <typename T>
Outcome nllLoss(Out<T> loss, Out<T> total, In<T> x, In<int32_t> index, In<T> weight, int64_t rows, int64_t classes,
                int64_t inner, double ignored, int64_t reduction) {
  const Labels<T> labels{index, weight, rows, classes, inner, ignored};
  const Outcome checked = labels.check(x.length, total.length, loss.length, reduction);
  if (checked.code != Outcome::kOk) return checked;
  collect(labels, loss, total, reduction, [&](int64_t begin, int64_t end, auto&& emit) {
    for (int64_t k = begin * inner; k < end * inner && index.length > 0; ++k) {
      emit(k, labels.counts(k) ? -labels.weightOf(k) * x[labels.offset(k) + index[k] * inner] : T(0));
    }
  });
  return ok();
}

// dx [rows][classes][inner] = 0 but -dy w_label at each label, divided by the total weight where the mean was taken
template <typename T>
Outcome nllLossBackward(Out<T> dx, In<T> dy, In<T> total, In<int32_t> index, In<T> weight, int64_t rows,
                        int64_t classes, int64_t inner, double ignored, int64_t reduction) {
  const Labels<T> labels{index, weight, rows, classes, inner, ignored};
  const Outcome checked = labels.check(dx.length, total.length, dy.length, reduction);
  if (checked.code != Outcome::kOk) return checked;
  const Upstream<T> upstream(dy, total, reduction);
  if (dx.length > 0) __builtin_memset(dx.data, 0, static_cast<size_t>(dx.length) * sizeof(T));
  for (int64_t k = 0; k < index.length; ++k) {
    if (labels.counts(k)) dx[labels.offset(k) + index[k] * inner] = -upstream[k] * labels.weightOf(k);
  }
  return ok();
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint

ADJOINT_FAMILY(
    loss,
    ADJOINT_FLOATS(crossEntropy, "loss total saved x index weight rows classes inner ignored smoothing reduction"),
    ADJOINT_FLOATS(crossEntropyBackward,
                   "dx dy total saved x index weight rows classes inner ignored smoothing reduction"),
    ADJOINT_FLOATS(nllLoss, "loss total x index weight rows classes inner ignored reduction"),
    ADJOINT_FLOATS(nllLossBackward, "dx dy total index weight rows classes inner ignored reduction"),
    ADJOINT_FLOATS(mseLoss, "y x target reduction"), ADJOINT_FLOATS(mseLossBackward, "dx dy x target reduction"),
    ADJOINT_FLOATS(l1Loss, "y x target reduction"), ADJOINT_FLOATS(l1LossBackward, "dx dy x target reduction"),
    ADJOINT_FLOATS(huberLoss, "y x target delta reduction"),
    ADJOINT_FLOATS(huberLossBackward, "dx dy x target delta reduction"),
    ADJOINT_FLOATS(binaryCrossEntropy, "y x target weight reduction"),
    ADJOINT_FLOATS(binaryCrossEntropyBackward, "dx dy x target weight reduction"),
    ADJOINT_FLOATS(binaryCrossEntropyWithLogits, "y x target weight positive reduction"),
    ADJOINT_FLOATS(binaryCrossEntropyWithLogitsBackward, "dx dy x target weight positive reduction"))
