"""Weights that need no file: each element is computed from its key and its index, here and in test/support/seeded.ts."""
import numpy
import torch


def hash_of(text):
    """FNV-1a of the characters."""
    h = 0x811C9DC5
    for byte in text.encode():
        h = ((h ^ byte) * 0x01000193) & 0xFFFFFFFF
    return h


def uniform(key, count):
    """`count` numbers in [0, 1): the finaliser of MurmurHash3 over hash + index."""
    with numpy.errstate(over='ignore'):
        x = numpy.arange(count, dtype=numpy.uint32) + numpy.uint32(hash_of(key))
        x = (x ^ (x >> numpy.uint32(16))) * numpy.uint32(0x85EBCA6B)
        x = (x ^ (x >> numpy.uint32(13))) * numpy.uint32(0xC2B2AE35)
        x = x ^ (x >> numpy.uint32(16))
    return x.astype(numpy.float64) / 2.0**32


def seeded_tensor(key, like):
    """Matrices within ±2 / √fan, other weights and variances within 1 ± 0.1, the rest within ±0.1; counts 0."""
    if not like.is_floating_point():
        return torch.zeros_like(like)
    u = uniform(key, like.numel()) - 0.5
    if like.dim() > 1:
        values = u * 4 / (like.numel() / like.shape[0]) ** 0.5
    else:
        values = u * 0.2 + (1 if key.endswith('weight') or key.endswith('var') else 0)
    return torch.from_numpy(values).reshape(like.shape).to(like.dtype)


def seed(model):
    """Fills the model's state dict; a tensor with several keys gets what its first key makes it."""
    done = set()
    with torch.no_grad():
        for key, value in model.state_dict().items():
            if value.data_ptr() not in done or value.numel() == 0:
                value.copy_(seeded_tensor(key, value))
            done.add(value.data_ptr())
    return model
