import { describe, expect, it, onTestFinished } from 'vitest';
import { startServer, type BenchServer } from '../bench-server.ts';
import { httpLoad } from '../http-load.ts';
import { checkAnswers } from './check-answers.ts';
import type { GatewaySample } from './compare.ts';
import { startPassThrough, startPortkey, type Contender } from './contenders.ts';
import { readRemoteGatewayArgs } from './options.ts';
import { gatewayReport } from './report.ts';
import { slope } from './soak.ts';

const sample = (cpuMicros: number): GatewaySample => ({ cpuMicros, perSecond: 100, p50: 1, p99: 2, foreign: 0 });

const owned = <T extends BenchServer>(server: T): T => {
  onTestFinished(() => void server.process.kill('SIGKILL'));
  return server;
};

describe('the report', () => {
  it('has ratios of the same rounds, and says which targets are missed', () => {
    const text = gatewayReport({
      load: 'plain',
      samples: {
        golek: [sample(20), sample(50), sample(30)],
        portkey: [sample(100), sample(100), sample(100)],
        'bare node:http': [sample(5), sample(10), sample(10)],
      },
    });
    expect(text).toContain('| golek | 30.0 (20.0 to 50.0) | 100 | 1.00 | 2.00 | 3 of 3 |');
    expect(text).toContain('golek / portkey: CPU 0.30 (0.20 to 0.50) ×; target 0.25×: MISSED');
    expect(text).toContain('golek / bare node:http: CPU 4.00 (3.00 to 5.00) ×; target 3×: MISSED');
  });
});

it.each([
  [[3, 3, 3], 0],
  [[1, 3, 5, 7], 2],
  [[4, 2, 0], -2],
])('the slope of %j is %d', (values, expected) => expect(slope(values)).toBeCloseTo(expected));

it.each([
  [['--rounds', '0'], '--rounds takes a whole number from 1'],
  [['--sides', 'portkey,nginx'], "there is no 'nginx'"],
  [['--sides', 'other'], 'go together'],
  [['--loads', 'fast'], 'there are: plain, stream, plain-rate, stream-rate'],
])('%j is refused', (args, message) => expect(() => readRemoteGatewayArgs(args)).toThrow(message));

describe('the gateways beside Golek', { timeout: 60_000 }, () => {
  it.each<[string, (upstream: BenchServer) => Promise<Contender>]>([
    ['bare node:http', startPassThrough],
    ['portkey', startPortkey],
  ])('%s passes whole answers on', async (_, start) => {
    const upstream = owned(await startServer('remote-gateway/upstream-server'));
    const gateway = owned(await start(upstream));
    await checkAnswers(gateway, 20);
  });

  it('do not pass where an answer is not whole', async () => {
    const upstream = owned(await startServer('remote-gateway/upstream-server'));
    const gateway = owned(await startPassThrough(upstream));
    const load = { port: gateway.port, path: '/v1/chat/completions', connections: 2, requests: 4 };
    const body = JSON.stringify({ model: 'chunks-3', stream: true });
    expect(await httpLoad({ ...load, body, ending: 'data: [DONE]\n\n' })).toHaveLength(4);
    await expect(httpLoad({ ...load, body, ending: 'data: [END]\n\n' })).rejects.toThrow('ended with');
    upstream.process.kill('SIGKILL');
    await expect(checkAnswers(gateway, 3)).rejects.toThrow();
  });
});
