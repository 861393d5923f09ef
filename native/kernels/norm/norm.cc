// Normalisations: batch norm over channels, and layer, group, instance and RMS norm within samples.
#include "batch.h"
#include "group.h"

ADJOINT_FAMILY(
    norm, ADJOINT_FLOATS(groupNorm, "y mean rstd x weight bias samples groups channels inner eps"),
    ADJOINT_FLOATS(groupNormBackward, "dx dWeight dBias dy x mean rstd weight samples groups channels inner"),
    ADJOINT_FLOATS(batchNorm,
                   "y mean rstd runningMean runningVar batches x weight bias samples channels inner momentum eps"),
    ADJOINT_FLOATS(batchNormFixed, "y mean rstd givenMean givenVar x weight bias samples channels inner eps"),
    ADJOINT_FLOATS(batchNormBackward, "dx dWeight dBias dy x mean rstd weight samples channels inner training"))
