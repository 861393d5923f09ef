import { data, train } from 'adjoint';

const table = await data.csv(`${import.meta.dirname}/breast-cancer.csv`);
const stratify = table.column('diagnosis').values;
const [rows, test] = data.trainTestSplit(table, { testSize: 0.25, stratify, seed: 1 });
const model = await train.tabular(rows, { target: 'diagnosis', ignore: ['id'] });
const { auc, f1 } = await model.evaluate(test);
console.log(`AUC ${auc.toFixed(3)}, F1 ${f1.toFixed(3)} on ${test.length} rows`);
model.save(process.argv[2] ?? 'breast-cancer.safetensors');
