// `npm run test:distributed`: the tests of several processes with four of them, too, which CI leaves out.
process.env.ADJOINT_RANKS = '4';
process.argv.splice(2, 0, 'test/distributed');
await import('./test.mjs');
