import { nn } from 'adjoint';

/** A network for digits [batch, 1, 28, 28] whose convolutions take two pixels at a step, in place of pooling. */
export function network() {
  return nn.sequential(
    new nn.Conv2d(1, 16, 4, { stride: 2, padding: 1 }),
    new nn.ReLU(), // 16 × 14 × 14
    new nn.Conv2d(16, 32, 4, { stride: 2, padding: 1 }),
    new nn.ReLU(), // 32 × 7 × 7
    new nn.Flatten(),
    new nn.Linear(1568, 100),
    new nn.ReLU(),
    new nn.Linear(100, 10),
  );
}
