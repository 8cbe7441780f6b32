/** Shares of two tenants of which one asks for three times as much, on a server with fewer places than requests. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { median } from '../statistics.ts';
import type { Contender } from './contender.ts';
import { startGolekServe } from './golek-serve.ts';
import { PromptMaker } from './prompts.ts';
import { ScratchFolder } from './scratch-folder.ts';
import { modelFile, type ServingOptions } from './serving-options.ts';
import { contextFor, setupOf } from './serving.ts';
import { StreamFailure, streamOnce } from './stream-client.ts';
import { tokenRequest } from './token-load.ts';

const SEQUENCES = 8;
const REQUESTS = { greedy: 48, modest: 16 } as const;
type Tenant = keyof typeof REQUESTS;
const TENANTS = Object.keys(REQUESTS) as Tenant[];

/** Tells tenants by a header, as a plugin of a real server would by a key. */
const PLUGIN = `import { definePlugin } from '@golek/plugins-api';
export default definePlugin({
  name: 'bench-tenants',
  version: '1.0.0',
  setup: (host) => {
    host.authenticator({
      name: 'header',
      authenticate: ({ headers }) => {
        const tenant = headers['x-bench-tenant'];
        return typeof tenant === 'string' ? { id: tenant, tenant, scopes: ['inference'] } : undefined;
      },
    });
  },
});
`;

export interface FairResult {
  readonly tenant: Tenant;
  readonly requests: number;
  readonly answered: number;
  /** Refused at once, by status. */
  readonly refused: number;
  /** Part of the tokens that were generated while both tenants had requests waiting; median over the rounds. */
  readonly share: number;
  /** Longest time to a first token, seconds, of all rounds. */
  readonly longestWait: number;
}

interface Round {
  readonly shares: Readonly<Record<Tenant, number>>;
  readonly answered: Readonly<Record<Tenant, number>>;
  readonly refused: Readonly<Record<Tenant, number>>;
  readonly longestWait: Readonly<Record<Tenant, number>>;
}

const perTenant = <T>(make: (tenant: Tenant) => T): Record<Tenant, T> => ({
  greedy: make('greedy'),
  modest: make('modest'),
});

const round = async (
  contender: Contender,
  prompts: PromptMaker,
  promptTokens: number,
  tokens: number,
): Promise<Round> => {
  const chunks = perTenant((): number[] => []);
  const firsts = perTenant((): number[] => []);
  const answered = perTenant(() => 0);
  const refused = perTenant(() => 0);
  const longestWait = perTenant(() => 0);
  const ask = async (tenant: Tenant): Promise<void> => {
    const startedAt = performance.now();
    const onChunk = (count: number): void => {
      const now = performance.now();
      chunks[tenant].push(now);
      if (count > 1) return;
      firsts[tenant].push(now);
      longestWait[tenant] = Math.max(longestWait[tenant], (now - startedAt) / 1000);
    };
    const wanted = tokenRequest(contender, prompts.next(promptTokens), tokens);
    try {
      await streamOnce({ ...wanted, headers: { 'x-bench-tenant': tenant }, onChunk });
      answered[tenant]++;
    } catch (error) {
      if (!(error instanceof StreamFailure) || (error.status !== 429 && error.status !== 503)) throw error;
      refused[tenant]++;
    }
  };
  // The greedy tenant is first, with all that it has.
  await Promise.all(TENANTS.flatMap((tenant) => Array.from({ length: REQUESTS[tenant] }, () => ask(tenant))));
  // From the first token of all to when one of them has nothing left that waits. The places that the greedy tenant got before the other came count too.
  const from = Math.min(...TENANTS.map((tenant) => Math.min(...firsts[tenant])));
  const to = Math.min(...TENANTS.map((tenant) => Math.max(...firsts[tenant])));
  const counts = perTenant((tenant) => chunks[tenant].filter((at) => at >= from && at <= to).length);
  const all = counts.greedy + counts.modest;
  return { shares: perTenant((tenant) => counts[tenant] / all), answered, refused, longestWait };
};

export const fairBench = async (options: ServingOptions): Promise<FairResult[]> => {
  const { promptTokens, tokens, rounds, golekArgs } = options;
  const prompts = await PromptMaker.of(await modelFile(options.model));
  const setup = await setupOf(options, SEQUENCES, contextFor(promptTokens + tokens));
  using scratch = new ScratchFolder('golek-bench-fair');
  const home = scratch.path;
  mkdirSync(path.join(home, 'plugins'));
  writeFileSync(path.join(home, 'plugins', 'bench-tenants.mjs'), PLUGIN);
  await using golek = await startGolekServe({ ...setup, args: golekArgs, home });
  // Loads the model.
  await streamOnce({
    ...tokenRequest(golek, prompts.next(promptTokens), 1),
    headers: { 'x-bench-tenant': 'modest' },
  });
  const taken: Round[] = [];
  for (let count = 0; count < rounds; count++) taken.push(await round(golek, prompts, promptTokens, tokens));
  const sum = (pick: (one: Round) => number): number => taken.reduce((total, one) => total + pick(one), 0);
  return TENANTS.map((tenant) => ({
    tenant,
    requests: REQUESTS[tenant] * rounds,
    answered: sum(({ answered }) => answered[tenant]),
    refused: sum(({ refused }) => refused[tenant]),
    share: median(taken.map(({ shares }) => shares[tenant])),
    longestWait: Math.max(...taken.map(({ longestWait }) => longestWait[tenant])),
  }));
};
