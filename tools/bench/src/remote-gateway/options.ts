import { parseArgs } from 'node:util';
import { ArgumentError } from '../serving/serving-options.ts';

export const REMOTE_GATEWAY_USAGE = `remote-gateway [options]
  CPU for each request of golek serve in front of an OpenAI-compatible upstream, beside @portkey-ai/gateway and a node:http pass-through
  --rounds 5           turns of each side
  --requests 2000      of a closed loop in a turn; at one rate it is as many as fit into 5 s
  --warmup 10000       requests of each side before the first turn of a load, a quarter as many streams: until everything that runs often is compiled
  --chunks 20          pieces of a streamed answer
  --plain-rate 400     requests a second where all sides have the same rate; --stream-rate 200
  --loads LIST         of plain,stream,plain-rate,stream-rate (default: all)
  --sides LIST         of portkey,bare,other (default: portkey,bare); other: another build of Golek, with --other-golek FILE (its golek.js)
  --soak               in place of the comparison: memory, sockets and requests in progress over --soak-requests 200000 and --soak-aborts 1000 aborted streams
  --json FILE          all samples`;

const LOADS = ['plain', 'stream', 'plain-rate', 'stream-rate'] as const;
const SIDES = ['portkey', 'bare', 'other'] as const;
const whole = (flag: string, text: string): number => {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new ArgumentError(`--${flag} takes a whole number from 1, got '${text}'`);
  return value;
};

const listed = <T extends string>(flag: string, text: string, known: readonly T[]): T[] =>
  text.split(',').map((name) => {
    const found = known.find((one) => one === name);
    if (found === undefined)
      throw new ArgumentError(`--${flag}: there is no '${name}'; there are: ${known.join(', ')}`);
    return found;
  });

const string = { type: 'string' } as const;

/** Throws ArgumentError. */
export const readRemoteGatewayArgs = (args: readonly string[]) => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { ...string, default: '5' },
      requests: { ...string, default: '2000' },
      warmup: { ...string, default: '10000' },
      chunks: { ...string, default: '20' },
      'plain-rate': { ...string, default: '400' },
      'stream-rate': { ...string, default: '200' },
      loads: { ...string, default: LOADS.join(',') },
      sides: { ...string, default: 'portkey,bare' },
      'other-golek': string,
      'golek-node-arg': { ...string, multiple: true, default: [] },
      soak: { type: 'boolean', default: false },
      'soak-requests': { ...string, default: '200000' },
      'soak-aborts': { ...string, default: '1000' },
      json: string,
    },
  });
  const sides = listed('sides', values.sides, SIDES);
  const other = values['other-golek'];
  if (sides.includes('other') !== (other !== undefined))
    throw new ArgumentError('--sides other and --other-golek FILE go together');
  return {
    rounds: whole('rounds', values.rounds),
    requests: whole('requests', values.requests),
    warmup: whole('warmup', values.warmup),
    chunks: whole('chunks', values.chunks),
    plainRate: whole('plain-rate', values['plain-rate']),
    streamRate: whole('stream-rate', values['stream-rate']),
    loads: listed('loads', values.loads, LOADS),
    sides,
    other,
    nodeArgs: values['golek-node-arg'],
    soak: values.soak,
    soakRequests: whole('soak-requests', values['soak-requests']),
    soakAborts: whole('soak-aborts', values['soak-aborts']),
    json: values.json,
  };
};

export type RemoteGatewayOptions = ReturnType<typeof readRemoteGatewayArgs>;
