import { data, train } from 'adjoint';

const [model, csv] = process.argv.slice(2);
const rows = await data.csv(csv);
console.log((await train.TabularModel.load(model).predict(rows)).join('\n'));
