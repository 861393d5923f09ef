// Convolutions over images [images, groups * channels, height, width]; those over sequences have height 1. The output,
// the input gradient and the weight gradient are three kernels, each linear in both of its operands and each the
// derivative of the others. The first two choose the fastest of several algorithms (algorithms.h).
#include "algorithms.h"
#include "weight.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

// numbers: as readShape takes them.
template <typename T>
Outcome sumOfTaps(bool toInput, Out<T> result, In<T> source, In<T> weight, In<T> bias, Workspace workspace,
                  Integers numbers) {
  Shape s;
  if (!readShape(numbers, s) || numbers[0] > Algorithm::kWinograd) return misfit();
  const Pass p{s, toInput};
  if (!isAnyPossible<T>(p)) return tooLarge();
  const int64_t images = product(s.images, s.groups);
  if (result.length != product(images, p.result()) || source.length != product(images, p.source())) return misfit();
  if (weight.length != s.weightLength()) return misfit();
  if (bias.length != 0 && bias.length != product(s.groups, p.rows())) return misfit();
  if (images == 0) return ok();
  const Algorithm::Code algorithm =
      numbers[0] == Algorithm::kFastest ? fastest<T>(p, workspace.threads) : Algorithm::Code(numbers[0]);
  if (!isPossible<T>(p, algorithm)) return tooLarge();
  const Operands<T> operands{result, source, weight, bias, slotsOf(p, algorithm, workspace.threads)};
  switch (algorithm) {
    case Algorithm::kImages:
      return sumByImages(p, operands, workspace);
    case Algorithm::kWinograd:
      return sumByWinograd(p, operands, workspace);
    default:
      return toInput ? inputByPlanes(p, operands, workspace) : outputByPlanes(p, operands, workspace);
  }
}

// y = x ∗ weight + bias. weight [groups * outChannels, inChannels, h.taps, w.taps]; bias [groups * outChannels] or
// none.
template <typename T>
Outcome conv(Out<T> y, In<T> x, In<T> weight, In<T> bias, Workspace workspace, Integers numbers) {
  return sumOfTaps(false, y, x, weight, bias, workspace, numbers);
}

// dx = the gradient of x, or a transposed convolution of dy: dx[h * stride + tap * dilation - pad] += dy[h] ·
// weight[tap], + bias [groups * inChannels] or none.
template <typename T>
Outcome convInput(Out<T> dx, In<T> dy, In<T> weight, In<T> bias, Workspace workspace, Integers numbers) {
  return sumOfTaps(true, dx, dy, weight, bias, workspace, numbers);
}

// All three passes multiply each tap with each output once. Winograd's fewer products count as those that they
// replace.
double flopsOf(Integers numbers) {
  Shape s;
  return readShape(numbers, s) ? 2.0 * static_cast<double>(s.yLength()) * static_cast<double>(s.inChannels * s.taps())
                               : 0;
}
double convFlops(Out<float>, In<float>, In<float>, In<float>, Workspace, Integers numbers) { return flopsOf(numbers); }
double convWeightFlops(Out<float>, In<float>, In<float>, Workspace, Integers numbers) { return flopsOf(numbers); }

template <typename T>
inline T sumOf(const T* x, int64_t n) {
  T sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; i++) sum += x[i];
  return sum;
}

// dBias[c] = Σ dy over images and pixels; dy [images, channels, pixels].
template <typename T>
Outcome channelSums(Out<T> dBias, In<T> dy, int64_t images, int64_t channels, int64_t pixels) {
  if (dBias.length != channels || dy.length != product(images, channels, pixels)) return misfit();
  const int64_t rows = pixels == 0 ? 0 : images;
  parallel(channels, 16384 / (product(images, pixels) + 1) + 1, [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; c++) {
      double total = 0;
      for (int64_t i = 0; i < rows; i++) {
        const T* row = dy.data + (i * channels + c) * pixels;
        int64_t left = pixels;
        for (; left > kPiece; left -= kPiece, row += kPiece) total += static_cast<double>(sumOf(row, kPiece));
        total += static_cast<double>(sumOf(row, left));
      }
      dBias[c] = static_cast<T>(total);
    }
  });
  return ok();
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint

ADJOINT_FAMILY(conv, flops<convFlops>(ADJOINT_FLOATS(conv, "y x weight bias " ADJOINT_CONV_NUMBERS)),
               flops<convFlops>(ADJOINT_FLOATS(convInput, "dx dy weight bias " ADJOINT_CONV_NUMBERS)),
               flops<convWeightFlops>(ADJOINT_FLOATS(convWeight, "dWeight x dy " ADJOINT_CONV_NUMBERS)),
               ADJOINT_FLOATS(channelSums, "dBias dy images channels pixels"))
