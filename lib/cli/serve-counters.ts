// What a server counts, in the text format of Prometheus.

const cpuSeconds = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

const bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];

export class Counters {
  rows = 0;
  readonly #requests = new Map<string, number>();
  readonly #buckets = new Array<number>(bounds.length).fill(0);
  #seconds = 0;
  #count = 0;

  /** @param began by `performance.now` */
  note(path: string, status: number, began: number): void {
    const key = `path="${path}",status="${status}"`;
    this.#requests.set(key, (this.#requests.get(key) ?? 0) + 1);
    if (path !== '/predict') return;
    const seconds = (performance.now() - began) / 1000;
    this.#seconds += seconds;
    this.#count++;
    for (const [i, bound] of bounds.entries()) {
      if (seconds <= bound) this.#buckets[i] = (this.#buckets[i] as number) + 1;
    }
  }

  text(running: number, loaded: Date): string {
    const requests = Array.from(this.#requests, ([key, count]) => `adjoint_requests_total{${key}} ${count}`);
    const buckets = bounds.map((bound, i) => `adjoint_predict_seconds_bucket{le="${bound}"} ${this.#buckets[i]}`);
    const family = (name: string, type: string, help: string, lines: readonly string[]) => [
      `# HELP adjoint_${name} ${help}`,
      `# TYPE adjoint_${name} ${type}`,
      ...lines,
    ];
    const one = (name: string, type: string, help: string, value: number) =>
      family(name, type, help, [`adjoint_${name} ${value}`]);
    return `${[
      ...family('requests_total', 'counter', 'Requests by path and status.', requests),
      ...family('predict_seconds', 'histogram', 'Time to answer /predict.', [
        ...buckets,
        `adjoint_predict_seconds_bucket{le="+Inf"} ${this.#count}`,
        `adjoint_predict_seconds_sum ${this.#seconds}`,
        `adjoint_predict_seconds_count ${this.#count}`,
      ]),
      ...one('rows_total', 'counter', 'Rows that were predicted.', this.rows),
      ...one('predictions_running', 'gauge', 'Requests to /predict under way.', running),
      ...one('model_loaded_timestamp_seconds', 'gauge', 'When the model was loaded.', loaded.getTime() / 1000),
      ...one('resident_memory_bytes', 'gauge', 'Memory of the process.', process.memoryUsage.rss()),
      ...one('cpu_seconds_total', 'counter', 'Processor time of the process.', cpuSeconds()),
    ].join('\n')}\n`;
  }
}
