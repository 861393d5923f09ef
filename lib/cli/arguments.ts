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
  /** Whether what follows the first argument is not for this program, whatever it looks like. */
  readonly hasRest?: true;
  /** More for the help: examples. */
  readonly more: string;
  /** May give an exit code; by default 0. */
  run(given: Given): unknown;
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

/** How many of a command's arguments are its own; `--` ends them, too. */
export function countOwn({ hasRest, options }: Command, given: readonly string[]): number {
  if (hasRest === undefined) return given.length;
  for (let i = 0; i < given.length; i++) {
    const text = given[i] as string;
    if (text === '--' || !text.startsWith('-')) return i;
    if (options[text.slice(2)]?.value !== undefined) i++;
  }
  return given.length;
}

/** Reads what follows a command's name. */
export function readArguments(name: string, command: Command, given: readonly string[]): Given {
  const own = countOwn(command, given);
  const rest = given.slice(own);
  const options = Object.fromEntries(
    Object.entries(command.options).map(([key, { value }]) => [
      key,
      { type: value === undefined ? ('boolean' as const) : ('string' as const) },
    ]),
  );
  let parsed: ReturnType<typeof parseArgs>;
  try {
    parsed = parseArgs({ args: given.slice(0, own), options, allowPositionals: true, strict: true });
  } catch (error) {
    const [unknown] = /'-+[^']*'/.exec((error as Error).message) ?? [];
    const isUnknown = (error as NodeJS.ErrnoException).code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION';
    if (!isUnknown) throw new UsageError((error as Error).message.split('. To specify')[0] as string);
    const known = Object.keys(command.options).map((key) => `--${key}`);
    throw new UsageError(`${name} has no option ${unknown}; there are ${known.join(', ')}`);
  }
  const { values } = parsed;
  const positionals = [...parsed.positionals, ...(rest[0] === '--' ? rest.slice(1) : rest)];
  const least = command.positionals.filter((part) => !part.startsWith('[')).length;
  if (positionals.length < least) throw new UsageError(`${name} needs ${command.positionals[positionals.length]}`);
  if (positionals.length > command.positionals.length && command.hasRest === undefined) {
    throw new UsageError(`${name} takes no argument ${JSON.stringify(positionals[command.positionals.length])}`);
  }
  return new Given(positionals, values as Record<string, string | boolean | undefined>);
}

/** The help of a command. */
export function helpOf(name: string, { summary, positionals, options, more, hasRest }: Command): string {
  const rows = Object.entries(options).map(([key, { value, about }]): [string, string] => [
    `--${key}${value === undefined ? '' : ` ${value}`}`,
    about,
  ]);
  const width = rows.reduce((most, [left]) => Math.max(most, left.length), 0);
  const lines = rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
  const some = rows.length > 0 ? ['[options]'] : [];
  const usage = ['adjoint', name, ...(hasRest ? [...some, ...positionals] : [...positionals, ...some])].join(' ');
  return [usage, '', summary, ...(lines.length > 0 ? ['', ...lines] : []), ...(more === '' ? [] : ['', more])].join(
    '\n',
  );
}
