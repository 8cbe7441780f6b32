import { httpLoad, type Load } from '../http-load.ts';
import { CHAT_PATH, CONNECTIONS, requestBody } from '../gateway.ts';
import { processTree } from '../process-cpu.ts';
import { percentile } from '../statistics.ts';
import { takeTurns, type Sample, type Turn } from '../take-turns.ts';
import type { Contender } from './contenders.ts';

/** What one turn of one side came to. */
export interface GatewaySample {
  /** CPU of its processes, user and system, for each request. */
  readonly cpuMicros: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** Cores that programs outside of the measurement used meanwhile. */
  readonly foreign: number;
}

export interface GatewayLoad {
  readonly name: string;
  readonly model: string;
  readonly stream: boolean;
  /** Requests of one turn. */
  readonly requests: number;
  /** Requests to each side before the first turn. */
  readonly warmup: number;
  /** Absent: a closed loop. */
  readonly perSecond?: number;
}

export interface GatewayResult {
  readonly load: string;
  /** By side, in the order of the rounds. */
  readonly samples: Readonly<Record<string, readonly GatewaySample[]>>;
}

const sampleOf = ({ result, wallNs, cpuNs, foreign }: Sample<readonly number[]>): GatewaySample => ({
  cpuMicros: cpuNs / result.length / 1e3,
  perSecond: (result.length / wallNs) * 1e9,
  p50: percentile(result, 50),
  p99: percentile(result, 99),
  foreign,
});

/** Lets the gateways take turns at one kind of load. `others`: further processes of the measurement. */
export const compareGateways = async (
  contenders: readonly Contender[],
  { name, model, stream, requests, warmup, perSecond }: GatewayLoad,
  rounds: number,
  others: readonly number[],
): Promise<GatewayResult> => {
  const body = requestBody(model, stream);
  const ending = stream ? 'data: [DONE]\n\n' : '}';
  const load: Omit<Load, 'port' | 'headers'> = {
    path: CHAT_PATH,
    body,
    connections: CONNECTIONS,
    requests,
    perSecond,
    ending,
  };
  for (const { port, headers } of contenders)
    await httpLoad({ ...load, port, headers, requests: warmup, perSecond: undefined });
  const turns = contenders.map((contender): Turn<readonly number[]> => ({
    name: contender.name,
    pids: () => processTree(contender.pid),
    work: () => httpLoad({ ...load, port: contender.port, headers: contender.headers }),
  }));
  const own = (): number[] => [...others, ...contenders.flatMap(({ pid }) => processTree(pid))];
  const taken = await takeTurns(turns, { rounds, own });
  return {
    load: name,
    samples: Object.fromEntries(contenders.map((side, index) => [side.name, (taken[index] ?? []).map(sampleOf)])),
  };
};
