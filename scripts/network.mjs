// Machines on a network of limited speed, as network namespaces of this one: for measurements and slow tests. Needs root and
// iproute2.
import { execFileSync } from 'node:child_process';

/** @param {string} command */
const ip = (command) => execFileSync('ip', command.split(' '), { stdio: ['ignore', 'ignore', 'pipe'] });

let made = 0;

export class Network {
  #name;
  size;
  /** The interface of each machine. */
  interface = 'eth0';
  #remove = () => this.close();

  /**
   * @param {number} size how many machines
   * @param {string} [rate] what each can send at most, as `tc` takes it: 1gbit, 20mbit; default: no limit
   */
  constructor(size, rate) {
    this.size = size;
    this.#name = `adj${process.pid % 1e6}${'abcdefgh'[made++ % 8]}`; // the last one's may take a while to go
    process.once('exit', this.#remove);
    try {
      ip(`link add ${this.#name}b type bridge`);
      ip(`link set ${this.#name}b up`);
      for (let i = 0; i < size; i++) this.#addMachine(i, rate);
    } catch (error) {
      this.close();
      const { code, stderr, message } = /** @type {NodeJS.ErrnoException & { stderr?: Buffer }} */ (error);
      const reason = code === 'ENOENT' ? 'there is no ip command' : `${stderr ?? message}`.trim();
      throw new Error(`network namespaces need root and Debian's package iproute2 (${reason})`);
    }
  }

  /** @param {number} i @param {string | undefined} rate */
  #addMachine(i, rate) {
    const space = this.#space(i);
    const outer = `${this.#name}o${i}`;
    ip(`netns add ${space}`);
    ip(`link add ${outer} type veth peer name ${this.interface} netns ${space}`);
    ip(`link set ${outer} master ${this.#name}b up`);
    ip(`-n ${space} addr add ${this.address(i)}/24 dev ${this.interface}`);
    ip(`-n ${space} link set ${this.interface} up`);
    ip(`-n ${space} link set lo up`);
    if (rate !== undefined) {
      const limit = `qdisc add dev ${this.interface} root tbf rate ${rate} burst 128kb latency 20ms`;
      execFileSync('ip', ['netns', 'exec', space, 'tc', ...limit.split(' ')]);
    }
  }

  /** @param {number} i */
  #space = (i) => `${this.#name}n${i}`;

  /** @param {number} i */
  address = (i) => `10.199.${process.pid % 250}.${i + 1}`;

  /** A command as one that runs on a machine. @param {number} i @param {string[]} command */
  on = (i, command) => ['ip', 'netns', 'exec', this.#space(i), ...command];

  close() {
    process.off('exit', this.#remove);
    const machines = Array.from({ length: this.size }, (_, i) => i);
    const commands = machines.flatMap((i) => [`link del ${this.#name}o${i}`, `netns del ${this.#space(i)}`]);
    for (const command of [...commands, `link del ${this.#name}b`]) {
      try {
        ip(command);
      } catch {} // it was not made
    }
  }
}
