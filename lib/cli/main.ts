#!/usr/bin/env node
// The command line: `npx adjoint`.
import { type Command, countOwn, helpOf, readArguments, UsageError } from './arguments.js';
import { benchCommand, infoCommand, tensorboardCommand, version } from './info.js';
import { print, withFlags } from './output.js';
import { evaluateCommand, inspectCommand, predictCommand } from './predict.js';
import { runCommand } from './run.js';
import { serveCommand } from './serve.js';
import { trainCommand } from './train.js';

const commands: Readonly<Record<string, Command>> = {
  train: trainCommand,
  predict: predictCommand,
  evaluate: evaluateCommand,
  inspect: inspectCommand,
  serve: serveCommand,
  run: runCommand,
  tensorboard: tensorboardCommand,
  bench: benchCommand,
  info: infoCommand,
};

const help = [
  'adjoint <command> [arguments]',
  '',
  'From a CSV file to a served model.',
  '',
  ...Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(12)} ${summary}`),
  '',
  '  adjoint train houses.csv --target price',
  '  adjoint predict model.safetensors new.csv > predictions.csv',
  '  adjoint serve model.safetensors',
  '',
  '`adjoint <command> --help` has the options, `adjoint --version` the version. Exit codes: 0, 1 for a failure, 2 for a wrong use.',
].join('\n');

async function main([name, ...rest]: readonly string[]): Promise<number> {
  if (name === '--version' || name === '-v') {
    print(version);
    return 0;
  }
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    const asked = Object.hasOwn(commands, rest[0] ?? '')
      ? helpOf(rest[0] as string, commands[rest[0] as string] as Command)
      : help;
    print(asked);
    return name === undefined ? 2 : 0;
  }
  try {
    if (!Object.hasOwn(commands, name)) throw new UsageError(`there is no command ${JSON.stringify(name)}`);
    const command = commands[name] as Command;
    const own = rest.slice(0, countOwn(command, rest));
    if (own.includes('--help') || own.includes('-h')) {
      print(helpOf(name, command));
      return 0;
    }
    const code = await command.run(readArguments(name, command, rest));
    return typeof code === 'number' ? code : 0;
  } catch (error) {
    return report(name, error);
  }
}

function report(name: string, error: unknown): number {
  const text = error instanceof Error ? withFlags(error.message || String(error.stack)) : String(error);
  process.stderr.write(`adjoint: ${text}\n`);
  if (!(error instanceof UsageError)) return 1;
  process.stderr.write(`\`adjoint ${Object.hasOwn(commands, name) ? `${name} ` : ''}--help\` shows what there is\n`);
  return 2;
}

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0); // the reader, such as head, has enough
});
process.exitCode = await main(process.argv.slice(2));
