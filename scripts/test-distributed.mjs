// `npm run test:distributed`: the tests of several processes with four of them, too, and with twenty losses of a process
// one after the other, which CI leaves out.
process.env.ADJOINT_RANKS = '4';
process.env.ADJOINT_KILLS = '20';
process.argv.splice(2, 0, 'test/distributed');
await import('./test.mjs');
