// `npm run test:distributed`: the tests of several processes with four of them, too, each fault and loss 20 times (or
// ADJOINT_ROUNDS), and what takes long, which CI leaves out.
process.env.ADJOINT_RANKS = '4';
process.env.ADJOINT_ROUNDS ??= '20';
process.argv.splice(2, 0, 'test/distributed');
await import('./test.mjs');
