// npm run bench:distributed [-- link | overlap | ddp | expected] [--python python3] [--rounds 7] [--only W3,W5,W7]
// Several processes, each with one thread, on network namespaces of this machine (root, iproute2) and on loopback:
// link     sums of 2.7 and 25 MB over 1 Gbit/s, as a share of the link
// overlap  a step whose computation takes as long as its communication, against the longer of the two
// ddp      training steps of two processes beside PyTorch's DistributedDataParallel on Gloo, in turns
// expected no measurement: how much of their time processes compute, by the formula of docs/distributed.md
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Network } from '../scripts/network.mjs';
import { Peer } from './peers/process.js';
import { median, printTable, short } from './table.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    python: { type: 'string', default: 'python3' },
    rounds: { type: 'string', default: '7' },
    only: { type: 'string', default: 'W3,W5,W7' },
  },
});
const rounds = Number(values.rounds);
const here = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url));

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** The processes of a run, which get the same requests. */
class Ranks {
  /** @param {Peer[]} peers */
  constructor(peers) {
    this.peers = peers;
  }

  /** @param {string[]} command @param {number} size @param {Network | null} network */
  static async start(command, size, network) {
    const port = String(await freePort());
    const peers = Array.from({ length: size }, (_, rank) => {
      const [program, ...args] = network === null ? command : network.on(rank, command);
      const address = network === null ? '127.0.0.1' : network.address(0);
      const link = network === null ? 'lo' : network.interface;
      return new Peer(program, args, {
        ...{ RANK: `${rank}`, WORLD_SIZE: `${size}`, LOCAL_RANK: '0', MASTER_ADDR: address, MASTER_PORT: port },
        ...{ OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1', GLOO_SOCKET_IFNAME: link },
      });
    });
    const refused = (await Promise.all(peers.map((peer) => peer.ready()))).find((reason) => reason !== undefined);
    if (refused !== undefined) throw new Error(`bench: ${command.join(' ')}: ${refused}`);
    return new Ranks(peers);
  }

  /** @param {object} request @returns {Promise<any[]>} */
  async ask(request) {
    const answers = await Promise.all(this.peers.map((peer) => peer.ask(request)));
    const refused = answers.find(({ unavailable }) => unavailable !== undefined);
    if (refused !== undefined) throw new Error(`bench: ${refused.unavailable}`);
    return answers;
  }

  close() {
    for (const peer of this.peers) peer.close();
  }
}

const ours = (/** @type {string[]} */ ...args) => [process.execPath, here('distributed_peer.js'), ...args];

async function benchLink() {
  const rows = [];
  for (const size of [2, 4]) {
    const network = new Network(size, '1gbit');
    const ranks = await Ranks.start(ours('link'), size, network);
    for (const megabytes of [2.7, 25]) {
      const steps = megabytes > 10 ? 2 * rounds : 6 * rounds;
      const [{ times }] = await ranks.ask({ megabytes, steps: steps + 2 });
      const time = median(times.slice(2));
      const sent = (2 * (size - 1)) / size;
      rows.push([`${size} × ${megabytes} MB`, short(time), short((sent * megabytes * 8) / time)]);
    }
    ranks.close();
    network.close();
  }
  printTable(['all-reduce, 1 Gbit/s', 'ms', 'share of the link'], rows);
}

async function benchOverlap() {
  const network = new Network(2, '1gbit');
  const rows = [];
  for (const count of [256, 512, 1024]) {
    const ranks = await Ranks.start(ours('overlap'), 2, network);
    const [{ times }] = await ranks.ask({ rows: count, steps: 3 * rounds });
    const [compute, communicate, together] = ['compute', 'communicate', 'together'].map((key) =>
      median(times.map((/** @type {Record<string, number>} */ time) => time[key])),
    );
    const ratio = together / Math.max(compute, communicate);
    rows.push([`${count} rows`, short(compute), short(communicate), short(together), short(ratio)]);
    ranks.close();
  }
  network.close();
  printTable(['10 layers of 512, 1 Gbit/s', 'compute ms', 'communicate ms', 'both ms', '÷ the longer'], rows);
}

async function benchDdp() {
  const steps = { W3: 100, W4: 60, W5: 10, W6: 20, W6g: 20, W7: 5 };
  for (const where of ['loopback', '1 Gbit/s']) {
    const network = where === 'loopback' ? null : new Network(2, '1gbit');
    const rows = [];
    for (const workload of /** @type {(keyof typeof steps)[]} */ (/** @type {string} */ (values.only).split(','))) {
      const engines = [ours(workload), [/** @type {string} */ (values.python), here('peers/torch_ddp.py'), workload]];
      const all = await Promise.all(engines.map((command) => Ranks.start(command, 2, network)));
      /** @type {number[][]} */
      const rates = [[], []];
      const memory = [0, 0];
      for (let round = 0; round < rounds; round++) {
        for (const [i, ranks] of all.entries()) {
          const [{ seconds, megabytes }] = await ranks.ask({ steps: steps[workload] });
          rates[i].push(steps[workload] / seconds);
          memory[i] = megabytes;
        }
      }
      const ratio = median(rates[0].map((rate, i) => rate / rates[1][i]));
      const cells = [0, 1].flatMap((i) => [short(median(rates[i])), short(memory[i])]);
      rows.push([workload, ...cells, short(ratio)]);
      for (const ranks of all) ranks.close();
    }
    network?.close();
    printTable([where, 'adjoint steps/s', 'MB a rank', 'PyTorch steps/s', 'MB a rank', 'ratio'], rows);
  }
}

/** Seconds that a sum of so many bytes takes. @param {number} size @param {number} bytes @param {number} link in bits a second */
const sumTime = (size, bytes, link) =>
  2 * (size - 1) * 0.00015 + (((2 * (size - 1)) / size) * bytes * 8) / Math.min(0.94 * link, 12e9);

/** The share of a step that computes. @param {number} step in seconds @param {number} size @param {number} bytes @param {number} link */
function efficiency(step, size, bytes, link) {
  const all = sumTime(size, bytes, link);
  const shown = Math.min(all, Math.max(sumTime(size, bytes / 3, link), all - 0.6 * step));
  return step / (step + shown);
}

async function printExpected() {
  /** @type {[string, number, number][]} */
  const models = [
    ['0.67 M parameters, step of 4 ms', 2.7e6, 0.004],
    ['0.67 M, 34 ms', 2.7e6, 0.034],
    ['0.8 M (a GPT), 118 ms', 3.3e6, 0.118],
    ['100 M, 4 s', 400e6, 4],
  ];
  for (const link of [1e9, 10e9, 25e9]) {
    const sizes = [2, 4, 8, 16];
    const rows = models.map(([name, bytes, step]) => [
      name,
      ...sizes.map((size) => {
        const [whole, half] = [bytes, bytes / 2].map((sent) => Math.round(100 * efficiency(step, size, sent, link)));
        return `${whole} (${half})`;
      }),
    ]);
    printTable([`${link / 1e9} Gbit/s, % (bfloat16)`, ...sizes.map((size) => `${size} processes`)], rows);
  }
}

const parts = { link: benchLink, overlap: benchOverlap, ddp: benchDdp, expected: printExpected };
const wanted = positionals.length > 0 ? positionals : ['link', 'overlap', 'ddp'];
for (const name of wanted) {
  if (!(name in parts)) {
    console.error(`bench: the part must be of ${Object.keys(parts).join(', ')}, got ${name}`);
    process.exit(2);
  }
  await parts[/** @type {keyof typeof parts} */ (name)]();
}
