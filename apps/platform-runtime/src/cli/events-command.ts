import type { PublishedEvent } from '@golek/api';
import { Command } from 'commander';
import { interruptible } from './action.ts';
import { settingsOf, withConfiguration } from './common-options.ts';
import { followEvents, type FeedItem } from './event-feed.ts';
import { writeOut } from './write-out.ts';

const EXAMPLES = `
Examples:
  $ golek events                                 # everything that happens, until Ctrl-C
  $ golek events --types breaker.,model.failed   # breakers, and models that fail
  $ golek events --json | jq .event.type`;

/** `golek events`. */
export const eventsCommand = (): Command =>
  withConfiguration(
    new Command('events')
      .option('--types <list>', "types of events, separated by commas; 'model.' is every type that begins so")
      .option('--json', 'print one JSON object a line')
      .addHelpText('after', EXAMPLES),
  ).action(interruptible(follow));

const follow = async (command: Command, signal: AbortSignal): Promise<number> => {
  const { types, json = false } = command.opts<{ types?: string; json?: boolean }>();
  const { configuration } = await settingsOf(command);
  const items = followEvents(configuration, {
    types,
    signal,
    onLost: ({ message }) => process.stderr.write(`golek: ${message}; asking again\n`),
  });
  for await (const item of items) await writeOut(json ? `${item.data}\n` : lineOf(item));
  return 0;
};

/** `12:00:00 node model.loaded model=tiny provider=gguf durationMs=90`, in local time. */
const lineOf = ({ type, data }: FeedItem): string => {
  if (type === 'missed') return `-- events are missing: ${String((JSON.parse(data) as { missed: unknown }).missed)}\n`;
  const { time, node, event } = JSON.parse(data) as PublishedEvent;
  const facts = Object.entries(event)
    .filter(([name]) => name !== 'type')
    .map(([name, value]) => `${name}=${typeof value === 'string' ? printable(value) : JSON.stringify(value)}`);
  return `${[new Date(time).toLocaleTimeString('en-GB'), node, event.type, ...facts].join(' ')}\n`;
};

/** Names and reasons may come from elsewhere: control characters do not reach the terminal. */
const printable = (text: string): string => (/^[\w./:@+-]+$/.test(text) ? text : JSON.stringify(text));
