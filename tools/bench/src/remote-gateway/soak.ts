import { readdirSync, readlinkSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchServer } from '../bench-server.ts';
import { CHAT_PATH, CONNECTIONS, requestBody } from '../gateway.ts';
import { httpLoad } from '../http-load.ts';
import { residentBytes } from '../process-cpu.ts';
import { median } from '../statistics.ts';
import type { Contender } from './contenders.ts';
import type { Inspector } from './inspector.ts';

/** A model whose streams last long enough to be left. */
export const SLOW_MODEL = 'slow-200';

/** Parts of the load, each with a sample of the memory at its end. */
const SEGMENTS = 40;
/** After so many parts what lives in the heap is measured; what is garbage but not yet collected moves the resident memory by far more. */
const COLLECT_EVERY = 4;
/** One of so many requests is a stream. */
const STREAM_SHARE = 4;
/** Packets of a stream that are read before it is left. */
const READ_BEFORE = 3;
const MIB = 2 ** 20;
/** Idle connections to an upstream are kept for some seconds. */
const SETTLE_MS = 10_000;

export interface SoakOptions {
  readonly golek: Contender;
  readonly upstream: BenchServer;
  readonly inspector: Inspector;
  readonly model: string;
  readonly requests: number;
  readonly aborts: number;
}

export interface SoakResult {
  readonly requests: number;
  readonly aborts: number;
  /** Resident memory at the end of each segment, MiB. */
  readonly resident: readonly number[];
  /** What lives in the heap: after the warm-up, then after every fourth segment, MiB. */
  readonly live: readonly number[];
  /** File descriptors before the load and after it; sockets among them. */
  readonly before: OpenFiles;
  readonly after: OpenFiles;
  /** Gauges of Golek after the load. */
  readonly gauges: Readonly<Record<string, number>>;
  /** What the upstream saw. */
  readonly upstream: { readonly open: number; readonly answered: number; readonly left: number };
}

export interface OpenFiles {
  readonly all: number;
  readonly sockets: number;
}

const openFiles = (pid: number): OpenFiles => {
  const folder = `/proc/${pid}/fd`;
  const targets = readdirSync(folder).map((fd) => {
    try {
      return readlinkSync(`${folder}/${fd}`);
    } catch {
      // Closed between the listing and the reading.
      return '';
    }
  });
  return { all: targets.length, sockets: targets.filter((target) => target.startsWith('socket:')).length };
};

/** Reads the beginning of a stream and closes the connection. */
const abortStream = (agent: Agent, { port, headers }: Contender): Promise<void> =>
  new Promise((resolve, reject) => {
    const body = requestBody(SLOW_MODEL, true);
    const options = {
      agent,
      host: '127.0.0.1',
      port,
      path: CHAT_PATH,
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers },
    };
    const outgoing = request(options, (response) => {
      if (response.statusCode !== 200)
        reject(new Error(`status ${String(response.statusCode)} for a stream to be left`));
      let packets = 0;
      response.on('data', () => {
        if (++packets === READ_BEFORE) response.destroy();
      });
      response.once('error', () => undefined);
      response.once('end', () => reject(new Error('a stream ended before it was left')));
      response.once('close', resolve);
    });
    outgoing.once('error', reject);
    outgoing.end(body);
  });

const abortStreams = async (golek: Contender, count: number): Promise<void> => {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  let left = count;
  const worker = async (): Promise<void> => {
    while (left-- > 0) await abortStream(agent, golek);
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, worker));
  agent.destroy();
};

const GAUGES = ['golek_requests_active', 'golek_attempts_active', 'http_server_active_requests'];

/** Gauges of what is in progress, summed over their labels. */
const gaugesOf = async ({ port }: Contender): Promise<Record<string, number>> => {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const lines = text.split('\n');
  return Object.fromEntries(
    GAUGES.map((name) => {
      const values = lines.filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
      if (values.length === 0) throw new Error(`/metrics has no '${name}'`);
      return [name, values.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)];
    }),
  );
};

const stateOf = async ({ port }: BenchServer): Promise<SoakResult['upstream']> =>
  (await (await fetch(`http://127.0.0.1:${port}/state`)).json()) as SoakResult['upstream'];

const part = (total: number, segment: number): number =>
  Math.floor((total * (segment + 1)) / SEGMENTS) - Math.floor((total * segment) / SEGMENTS);

/** Sends everything in segments and looks at Golek's process from outside. */
export const soak = async (options: SoakOptions): Promise<SoakResult> => {
  const { golek, upstream, inspector, model, requests, aborts } = options;
  const load = { port: golek.port, path: CHAT_PATH, connections: CONNECTIONS, headers: golek.headers };
  const send = async (count: number): Promise<void> => {
    const streams = Math.floor(count / STREAM_SHARE);
    await httpLoad({ ...load, body: requestBody(model, false), requests: count - streams, ending: '}' });
    await httpLoad({ ...load, body: requestBody(model, true), requests: streams, ending: 'data: [DONE]\n\n' });
  };
  const before = openFiles(golek.pid);
  // Until everything that runs often is compiled.
  await send(Math.ceil(requests / SEGMENTS));
  const live = [(await inspector.liveHeapBytes()) / MIB];
  const resident: number[] = [];
  for (let segment = 0; segment < SEGMENTS; segment++) {
    await send(part(requests, segment));
    await abortStreams(golek, part(aborts, segment));
    resident.push(residentBytes(golek.pid) / MIB);
    if ((segment + 1) % COLLECT_EVERY === 0) live.push((await inspector.liveHeapBytes()) / MIB);
  }
  await sleep(SETTLE_MS);
  const after = openFiles(golek.pid);
  return {
    requests,
    aborts,
    resident,
    live,
    before,
    after,
    gauges: await gaugesOf(golek),
    upstream: await stateOf(upstream),
  };
};

/** Least squares: MiB for each segment. */
export const slope = (values: readonly number[]): number => {
  const centre = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  let above = 0;
  let below = 0;
  for (const [index, value] of values.entries()) {
    above += (index - centre) * (value - mean);
    below += (index - centre) ** 2;
  }
  return above / below;
};

export const soakReport = (result: SoakResult): string => {
  const { requests, aborts, resident, live, before, after, gauges, upstream } = result;
  const quarter = Math.ceil(resident.length / 4);
  const second = median(resident.slice(quarter, 2 * quarter));
  const last = median(resident.slice(-quarter));
  const perTenThousand = (10_000 * resident.length) / requests;
  const risen = slope(resident) * perTenThousand;
  const rise = (slope(live) / COLLECT_EVERY) * perTenThousand;
  return [
    `\nSoak: ${requests} requests, one of ${STREAM_SHARE} a stream, and ${aborts} streams left after ${READ_BEFORE} packets`,
    `resident MiB at the end of each of ${resident.length} segments: ${resident.map((value) => value.toFixed(0)).join(' ')}`,
    `resident: median of the second quarter ${second.toFixed(1)}, of the last ${last.toFixed(1)} MiB; slope ${risen.toFixed(2)} MiB for 10,000 requests`,
    `live heap MiB, after collections: ${live.map((value) => value.toFixed(1)).join(' ')}; slope ${(rise * 1024).toFixed(0)} KiB for 10,000 requests`,
    `file descriptors ${before.all} before, ${after.all} after; sockets ${before.sockets} before, ${after.sockets} after`,
    `in progress after it: ${Object.entries(gauges)
      .map(([name, value]) => `${name} ${value}`)
      .join(', ')} (the last counts the scrape itself)`,
    `upstream: ${upstream.answered} answered, ${upstream.left} left by Golek, ${upstream.open} still open`,
  ].join('\n');
};
