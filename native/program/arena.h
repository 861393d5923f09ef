// Offsets in one block of memory for pieces that live at different times.
#pragma once
#include <cstdint>
#include <vector>

namespace adjoint {

// From the first to the last moment of use, both included; -1 before it is known.
struct Life {
  int first = -1, last = -1;
};

struct Piece {
  int64_t bytes;
  Life life;
  int64_t offset = 0;
};

// Gives each piece an offset so that pieces alive at the same time do not overlap. Returns the bytes needed.
int64_t placePieces(std::vector<Piece>* pieces);

}  // namespace adjoint
