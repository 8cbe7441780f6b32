import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { pairedRatio, servingRatios, servingTable, staggerLines, writeJson } from './report.ts';
import { readServingArgs } from './serving-options.ts';
import type { ServingResult } from './serving.ts';

type Given = readonly (readonly [tokensPerSecond: number, foreign: number])[];

const result = (name: string, given: Given): ServingResult => ({
  name,
  streams: 8,
  tokensPerSecond: 100,
  firstTokenP50: 10,
  firstTokenP95: 20,
  gapP50: 1,
  gapP95: 2,
  gapP99: 3,
  stagger: undefined,
  gapP99Pooled: 4,
  gapsPooled: 127,
  loopDelayP99: name === 'golek' ? 0.5 : undefined,
  cpuMsPerToken: 4,
  kept: 1,
  taken: given.length,
  samples: given.map(([tokensPerSecond, foreign]) => ({
    tokens: 1,
    measuredMs: 1000,
    tokensPerSecond,
    firstTokenP50: 10,
    firstTokenP95: 20,
    gapP50: 1,
    gapP95: 2,
    gapP99: 3,
    foreign,
  })),
});

const golek = result('golek', [
  [100, 0],
  [120, 0],
  [500, 0.9],
]);
const peer = result('llama-server', [
  [50, 0],
  [40, 0],
  [1, 0],
]);

it('compares samples of the same round, without those that were disturbed', () => {
  expect(pairedRatio(golek, peer, ({ tokensPerSecond }) => tokensPerSecond)).toBe(2.5);
  expect(servingRatios([golek, peer])).toEqual([
    'golek / llama-server at 8: speed 2.50×, TTFT p50 1.00×, inter-token p99 1.00×',
  ]);
});

it('compares all where every pair was disturbed', () => {
  const noisy = result('golek', [[100, 0.5]]);
  expect(pairedRatio(noisy, peer, ({ tokensPerSecond }) => tokensPerSecond)).toBe(2);
});

it('shows a table', () => {
  const lines = servingTable([golek, peer]).split('\n');
  expect(lines[2]).toBe('| golek | 8 | 100.0 | 10 | 20 | 1.0 | 2.0 | 3.0 | 0.5 | 4.00 | 1 of 3 |');
  expect(lines[3]).toContain('| – |');
});

it('says how starts were chosen, once for all sides, where there are several streams', () => {
  const stagger = { side: 'llama-server', answerMs: 4000 };
  const one = { ...golek, streams: 1, stagger };
  expect(staggerLines([one, { ...golek, stagger }, { ...peer, stagger }])).toEqual([
    'staggered at 8: a stream starts every 500 ms on all sides (an answer of llama-server took 4000 ms in its warm-up); measured while all have a request in progress',
  ]);
  expect(staggerLines([golek, peer])).toEqual([]);
});

it('writes results with their conditions', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'golek-report-'));
  const json = path.join(folder, 'out.json');
  await writeJson('serving', readServingArgs(['--json', json]), [golek]);
  expect(JSON.parse(readFileSync(json, 'utf8'))).toMatchObject({
    benchmark: 'serving',
    options: { threads: 1 },
    machine: { node: process.version },
    results: [{ name: 'golek' }],
  });
  rmSync(folder, { recursive: true });
});
