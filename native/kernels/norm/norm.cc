// Normalisations: batch norm over channels, and layer, group, instance and RMS norm within samples.
#include "batch.h"
#include "group.h"

ADJOINT_FAMILY(norm, kernel<groupNorm<float>, groupNorm<double>>("groupNorm"),
               kernel<groupNormBackward<float>, groupNormBackward<double>>("groupNormBackward"),
               kernel<batchNorm<float>, batchNorm<double>>("batchNorm"),
               kernel<batchNormFixed<float>, batchNormFixed<double>>("batchNormFixed"),
               kernel<batchNormBackward<float>, batchNormBackward<double>>("batchNormBackward"))
