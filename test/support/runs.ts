// A run whose record has everything that a report shows.

import { nn, randint, randn, tensor, train } from '../../lib/index.js';
import { crossEntropy } from '../../lib/nn/functional.js';

/** Records a run of 1,000 steps: its loss is 1 / step, its validation loss twice that. */
export function recordRun(folder: string, name: string, configuration: Record<string, unknown> = {}): train.RunLog {
  const log = new train.RunLog(folder, { name, configuration });
  log.onStart({ epoch: 0, step: 0 });
  for (let step = 1; step <= 1000; step++) {
    const epoch = Math.ceil(step / 100);
    log.onStep({ epoch, step, values: { loss: 1 / step, lr: 1 - step / 1000 } });
    if (step % 100 === 0) log.onValidate({ epoch, step, values: { 'validation.loss': 2 / step } });
  }
  const classes = ['cat', 'dog', name];
  const probabilities = [
    [0.8, 0.1, 0.1],
    [0.2, 0.6, 0.2],
    [0.3, 0.3, 0.4],
    [0.1, 0.7, 0.2],
  ];
  log.recordClasses({
    classes,
    target: tensor([0, 1, 2, 2], { dtype: 'int32' }),
    probabilities: tensor(probabilities),
  });
  const model = nn.sequential(new nn.Linear(5, 8), new nn.ReLU(), new nn.Linear(8, 3));
  crossEntropy(model.forward(randn([20, 5])), randint(0, 3, [20])).backward();
  log.recordHistograms(model);
  const image = { width: 2, height: 2, data: Uint8Array.of(0, 85, 170, 255) };
  log.recordSamples([
    { image, target: 3, prediction: 5 },
    { image, target: 5, prediction: 5, loss: 0.1 },
  ]);
  log.recordErrors([{ text: `about ${name}`, target: 'dog', prediction: name, loss: 4 }]);
  const mark = { width: 1, height: 3, data: Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255) };
  log.recordPictures({ title: 'Filters', pictures: [{ image }] });
  log.recordPictures({
    ...{ title: 'Filters', columns: 2, size: 40 },
    pictures: [{ image, caption: `of ${name}` }, { image: mark, marked: true }, { image: mark }],
  });
  log.recordPictures({ pictures: [{ image: mark }] });
  const importance = {
    names: ['age', name],
    importancesMean: [0.5, 0.1],
    importancesStd: [0.05, 0.02],
    importances: [],
  };
  log.recordImportance(importance, { metric: 'accuracy' });
  log.onWarning({ message: `a warning of ${name}` });
  return log;
}
