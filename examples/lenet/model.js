import { nn } from 'adjoint';

/**
 * LeNet-5 (LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition", 1998) as it is
 * written today: with relu and the largest of four pixels.
 *
 * | x | scores |
 * |---|---|
 * | [batch, 1, 28, 28] | [batch, 10] |
 */
export function leNet() {
  return nn.sequential(
    new nn.Conv2d(1, 6, 5, { padding: 2 }),
    new nn.ReLU(),
    new nn.MaxPool2d(2), // 6 × 14 × 14
    new nn.Conv2d(6, 16, 5),
    new nn.ReLU(),
    new nn.MaxPool2d(2), // 16 × 5 × 5
    new nn.Flatten(),
    new nn.Linear(400, 120),
    new nn.ReLU(),
    new nn.Linear(120, 84),
    new nn.ReLU(),
    new nn.Linear(84, 10),
  );
}
