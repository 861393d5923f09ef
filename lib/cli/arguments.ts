// What commands take, and their help.
import { parseArgs } from 'node:util';

/** A wrong use of the command line: exit code 2. */
export class UsageError extends Error {}

/** An option of a command; without `value` it is a flag. */
export interface OptionRow {
  /** What stands for its value in the help. */
  readonly value?: string;
  readonly about: string;
}

/** A command of the program. */
export interface Command {
  readonly summary: string;
  /** The names of its arguments; one in brackets may be left out. */
  readonly positionals: readonly string[];
  readonly options: Readonly<Record<string, OptionRow>>;
  /** More for the help: examples. */
  readonly more: string;
  run(given: Given): Promise<void> | void;
}

/** The arguments of a call. */
export class Given {
  constructor(
    readonly positionals: readonly string[],
    private readonly values: Readonly<Record<string, string | boolean | undefined>>,
  ) {}

  flag(name: string): boolean {
    return this.values[name] === true;
  }

  text(name: string): string | undefined {
    return this.values[name] as string | undefined;
  }

  /** A list with commas. */
  list(name: string): string[] | undefined {
    return this.text(name)
      ?.split(',')
      .map((part) => part.trim());
  }

  integer(name: string, least: number, most = Number.MAX_SAFE_INTEGER): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const number = Number(text);
    if (text.trim() !== '' && Number.isInteger(number) && number >= least && number <= most) return number;
    const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
    throw new UsageError(`--${name} must be an integer ${range}, got ${JSON.stringify(text)}`);
  }

  choice<T extends string>(name: string, choices: readonly T[]): T | undefined {
    const text = this.text(name);
    if (text === undefined || choices.includes(text as T)) return text as T | undefined;
    throw new UsageError(`--${name} must be ${choices.join(', ')}, got ${JSON.stringify(text)}`);
  }
}

/** Reads what follows a command's name. */
export function readArguments(name: string, command: Command, given: readonly string[]): Given {
  const options = Object.fromEntries(
    Object.entries(command.options).map(([key, { value }]) => [
      key,
      { type: value === undefined ? ('boolean' as const) : ('string' as const) },
    ]),
  );
  let parsed: ReturnType<typeof parseArgs>;
  try {
    parsed = parseArgs({ args: [...given], options, allowPositionals: true, strict: true });
  } catch (error) {
    const [unknown] = /'-+[^']*'/.exec((error as Error).message) ?? [];
    const isUnknown = (error as NodeJS.ErrnoException).code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION';
    if (!isUnknown) throw new UsageError((error as Error).message.split('. To specify')[0] as string);
    const known = Object.keys(command.options).map((key) => `--${key}`);
    throw new UsageError(`${name} has no option ${unknown}; there are ${known.join(', ')}`);
  }
  const { positionals, values } = parsed;
  const least = command.positionals.filter((part) => !part.startsWith('[')).length;
  if (positionals.length < least) throw new UsageError(`${name} needs ${command.positionals[positionals.length]}`);
  if (positionals.length > command.positionals.length) {
    throw new UsageError(`${name} takes no argument ${JSON.stringify(positionals[command.positionals.length])}`);
  }
  return new Given(positionals, values as Record<string, string | boolean | undefined>);
}

/** The help of a command. */
export function helpOf(name: string, { summary, positionals, options, more }: Command): string {
  const rows = Object.entries(options).map(([key, { value, about }]): [string, string] => [
    `--${key}${value === undefined ? '' : ` ${value}`}`,
    about,
  ]);
  const width = rows.reduce((most, [left]) => Math.max(most, left.length), 0);
  const lines = rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
  const usage = ['adjoint', name, ...positionals, ...(rows.length > 0 ? ['[options]'] : [])].join(' ');
  return [usage, '', summary, ...(lines.length > 0 ? ['', ...lines] : []), ...(more === '' ? [] : ['', more])].join(
    '\n',
  );
}
