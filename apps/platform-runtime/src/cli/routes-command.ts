import { readFile } from 'node:fs/promises';
import { text as textOf } from 'node:stream/consumers';
import { GolekError, RoutingStrategy, StickyKey } from '@golek/api';
import { Command } from 'commander';
import { RouteState, RouteStates } from '../routes/route-state.ts';
import { interruptible } from './action.ts';
import { adminRequest, type AdminRequest } from './admin-client.ts';
import { ADDRESS_FLAGS, settingsOf, withConfiguration } from './common-options.ts';
import { UsageError } from './exit-code.ts';
import { routeBody, type RouteFlags } from './route-body.ts';
import { routeDetails, routeTable } from './route-table.ts';
import { writeOut } from './write-out.ts';

/** `golek routes`. */
export const routesCommand = (): Command =>
  new Command('routes')
    .addCommand(subcommand('list', 'list the routes', [], list))
    .addCommand(subcommand('show', 'show a route and how its targets do', ['<route>'], show))
    .addCommand(setCommand())
    .addCommand(withRevision(subcommand('remove', 'remove a route', ['<route>'], remove)))
    .addCommand(withRevision(subcommand('promote', "make a route's canary its only target", ['<route>'], promote)))
    .addCommand(subcommand('reset', 'give a canary that was rolled back its share again', ['<route>'], reset))
    .addHelpText(
      'after',
      `
Examples:
  $ golek routes set chat llama-small                           # an alias
  $ golek routes set chat llama-a=3 llama-b=1 --fallback cloud  # three quarters, one quarter; else the cloud
  $ golek routes set chat llama-a --canary llama-b=5            # try out llama-b on 5% of the users
  $ golek routes show chat
  $ golek routes promote chat

A change takes effect with the next request and is kept as the setting 'routes'.`,
    );

type Run = (command: Command, signal: AbortSignal) => Promise<number>;

const subcommand = (name: string, description: string, words: readonly string[], run: Run): Command => {
  const command = new Command(name).description(description).option('--json', 'print JSON');
  for (const word of words) command.argument(word);
  return withConfiguration(command, ADDRESS_FLAGS).action(interruptible(run));
};

const withRevision = (command: Command): Command =>
  command.option('--if-revision <number>', 'only when the route has this revision still');

const collected = (value: string, all: readonly string[] = []): string[] => [...all, value];

const setCommand = (): Command =>
  withRevision(
    subcommand('set', 'set or replace a route; what is not given gets its default', ['<route>', '[targets...]'], set),
  )
    .option('--strategy <name>', RoutingStrategy.options.join(', '))
    .option('--fallback <name>', 'model or route to be tried when every target failed; repeatable', collected)
    .option('--sticky <key>', StickyKey.options.join(', '))
    .option('--canary <model=percent>', 'try out a model on a part of the requests')
    .option('--from <file>', "take the route from a JSON file, '-' for standard input, in place of words and flags");

const ask = async (command: Command, request: AdminRequest): Promise<unknown> => {
  const { ifRevision } = command.opts<{ ifRevision?: string }>();
  if (ifRevision !== undefined && !/^\d+$/.test(ifRevision)) {
    throw new UsageError(`--if-revision takes a number, got '${ifRevision}'`);
  }
  const { configuration } = await settingsOf(command);
  return adminRequest(configuration, {
    ...request,
    ...(ifRevision !== undefined && { headers: { 'if-match': ifRevision } }),
  });
};

const pathOf = ({ args: [name = ''] }: Command, rest = ''): string => `/routes/${encodeURIComponent(name)}${rest}`;

const isJson = (command: Command): boolean => command.opts<{ json?: boolean }>().json ?? false;

const jsonText = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;

const list: Run = async (command, signal) => {
  const { routes } = RouteStates.parse(await ask(command, { method: 'GET', path: '/routes', signal }));
  await writeOut(isJson(command) ? jsonText({ routes }) : routeTable(routes));
  return 0;
};

/** Sends what gives a route back, and prints it. */
const printed = async (command: Command, request: AdminRequest): Promise<number> => {
  const state = RouteState.parse(await ask(command, request));
  await writeOut(isJson(command) ? jsonText(state) : routeDetails(state));
  return 0;
};

const show: Run = (command, signal) => printed(command, { method: 'GET', path: pathOf(command), signal });

const set: Run = async (command, signal) => {
  const [, ...words] = command.args;
  const { from, ...flags } = command.opts<RouteFlags & { from?: string }>();
  if (from === undefined && words.length === 0) {
    throw new UsageError('name at least one model after the route, or give the route with --from');
  }
  const body = from === undefined ? routeBody(words, flags) : await readRoute(from, signal);
  return printed(command, { method: 'PUT', path: pathOf(command), body, signal });
};

const readRoute = async (file: string, signal: AbortSignal): Promise<unknown> => {
  const text = await (file === '-' ? textOf(process.stdin) : readFile(file, { encoding: 'utf8', signal }));
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new GolekError('invalid_json', `${file === '-' ? 'standard input' : file} is not valid JSON`, { cause });
  }
};

const remove: Run = async (command, signal) => {
  const answer = await ask(command, { method: 'DELETE', path: pathOf(command), signal });
  await writeOut(isJson(command) ? jsonText(answer) : `route '${command.args[0] ?? ''}' is removed\n`);
  return 0;
};

const promote: Run = (command, signal) =>
  printed(command, { method: 'POST', path: pathOf(command, '/canary/promote'), signal });

const reset: Run = (command, signal) =>
  printed(command, { method: 'POST', path: pathOf(command, '/canary/reset'), signal });
