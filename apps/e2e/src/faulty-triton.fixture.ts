import {
  GRPC_FAULTS,
  startFaultyGrpc,
  startFaultyUpstream,
  type FaultyGrpc,
  type FaultyUpstream,
} from '@golek/faulty-upstream';
import { ATTEMPTS, LIMIT_MS, serveWith } from './faulty-upstream.fixture.ts';
import type { GolekServer } from './golek-server.fixture.ts';

/** A whole `golek serve` in front of a Triton that fails as it is told over gRPC, an upstream that answers, and a Triton that is not there. */
export interface TritonBench extends AsyncDisposable {
  readonly server: GolekServer;
  readonly triton: FaultyGrpc;
  readonly good: FaultyUpstream;
}

const faults = Object.keys(GRPC_FAULTS);

const configurationOf = (triton: FaultyGrpc, good: FaultyUpstream, gone: FaultyGrpc): string =>
  JSON.stringify({
    log: { level: 'error' },
    upstreams: [
      { id: 'triton', type: 'triton', baseUrl: triton.url, apiKey: 'env:FAULTY_API_KEY' },
      { id: 'gone', type: 'triton', baseUrl: gone.url },
      { id: 'good', baseUrl: good.url },
    ],
    models: {
      bundled: false,
      list: [
        ...faults.flatMap((fault) =>
          ['text', 'tensor'].map((kind) => ({
            name: `${kind}-${fault}`,
            provider: 'triton',
            model: kind === 'text' ? fault : `tensor-${fault}`,
          })),
        ),
        // What it does cannot be asked of a server that is not there.
        { name: 'text-gone', provider: 'gone', model: 'ok', options: { tasks: ['generate'] } },
        { name: 'tensor-gone', provider: 'gone', model: 'tensor-ok', options: { tasks: ['tensor'] } },
        { name: 'good', provider: 'good', model: 'ok' },
      ],
    },
    routes: [...faults, 'gone'].map((fault) => ({
      name: `safe-${fault}`,
      strategy: 'priority',
      targets: [{ model: `text-${fault}` }, { model: 'good', priority: 1 }],
    })),
    reliability: {
      // A longer time to wait is told to the client at once.
      retry: { attempts: ATTEMPTS, minDelayMs: 1, maxDelayMs: 5, budgetPerSecond: 10_000, maxRetryAfterMs: 1_000 },
      breaker: { mode: 'off' },
      targets: ['text', 'tensor'].flatMap((kind) =>
        faults
          .filter((fault) => fault.startsWith('stall'))
          .map((fault) => ({
            model: `${kind}-${fault}`,
            timeouts: { firstTokenMs: LIMIT_MS, betweenTokensMs: LIMIT_MS },
          })),
      ),
    },
  });

export const startTritonBench = async (): Promise<TritonBench> => {
  await using stack = new AsyncDisposableStack();
  const [triton, gone] = [
    stack.use(await startFaultyGrpc({ models: GRPC_FAULTS })),
    stack.use(await startFaultyGrpc()),
  ];
  const good = stack.use(await startFaultyUpstream());
  await gone.refuse();
  const server = await serveWith(stack, configurationOf(triton, good, gone));
  const owned = stack.move();
  return { server, triton, good, [Symbol.asyncDispose]: () => owned.disposeAsync() };
};
