import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { collect, GolekError, type GenerateRequest } from '@golek/api';
import { createIsolatedGgufProvider } from '@golek/provider-gguf';
import type { ModelSession, Provider } from '@golek/providers-spi';
import { randomOf, type Random } from '../random.ts';
import { fieldsOf } from './state-fields.ts';
import { pairOf, saveState, writeForTenant, type SavedState } from './state-files.ts';

export interface StatesOptions {
  /** A GGUF model with plain attention. */
  readonly model: string;
  /** Truncations at places drawn by chance, beside those at the end of every section. */
  readonly truncations: number;
  /** Most changed fields to try, drawn by chance where there are more. */
  readonly fields: number;
  readonly log?: (line: string) => void;
}

export interface StatesReport {
  readonly seconds: number;
  readonly tried: number;
  /** For each kind of damage how often the state was a miss (and is gone), and how often it was used. */
  readonly outcomes: Readonly<Record<string, { readonly missed: number; readonly used: number }>>;
  readonly engineEnds: number;
  readonly wrongAnswers: number;
  /** Everything that should not have happened. */
  readonly wrong: readonly string[];
}

interface Damaged {
  readonly kind: string;
  readonly what: string;
  readonly state: () => Buffer;
}

const VALUES = [0, 1, 0x7fff_ffff, 0xffff_ffff];
/** States in the folder of one engine: it lists no more than 512. */
const AT_ONCE = 200;
const SHOWN = 20;
const signal = new AbortController().signal;

const damages = (
  original: Buffer,
  wanted: Pick<StatesOptions, 'truncations' | 'fields'>,
  random: Random,
): Damaged[] => {
  const { fields, borders } = fieldsOf(original);
  const cut = (kind: string, length: number): Damaged => ({
    kind,
    what: `the first ${length} of ${original.length} bytes`,
    state: () => original.subarray(0, length),
  });
  const set = (at: number, value: number): Damaged => ({
    kind: `field = ${value}`,
    what: `${value} at byte ${at}`,
    state: () => {
      const copy = Buffer.from(original);
      copy.writeUInt32LE(value, at);
      return copy;
    },
  });
  const longer = (more: number): Damaged => ({
    kind: 'longer',
    what: `${more} bytes more`,
    state: () => Buffer.concat([original, Buffer.alloc(more)]),
  });
  const changes = fields.flatMap((at) =>
    VALUES.filter((value) => original.readUInt32LE(at) !== value).map((value) => set(at, value)),
  );
  return [
    ...borders.map((length) => cut('cut at a border', length)),
    ...Array.from({ length: wanted.truncations }, () => cut('cut anywhere', random.below(original.length))),
    ...sampled(changes, wanted.fields, random),
    ...[1, 4, 4096].map(longer),
  ];
};

const sampled = (all: readonly Damaged[], count: number, random: Random): Damaged[] => {
  const rest = [...all];
  if (rest.length <= count) return rest;
  return Array.from({ length: count }, () => rest.splice(random.below(rest.length), 1)[0] as Damaged);
};

class Tally {
  readonly outcomes: Record<string, { missed: number; used: number }> = {};
  readonly wrong: string[] = [];
  tried = 0;
  engineEnds = 0;
  wrongAnswers = 0;

  note(what: string): void {
    if (this.wrong.length < SHOWN) this.wrong.push(what);
  }

  add({ kind }: Damaged, isUsed: boolean): void {
    const told = (this.outcomes[kind] ??= { missed: 0, used: 0 });
    told[isUsed ? 'used' : 'missed']++;
  }
}

const ask = async (session: ModelSession, { prompt, maxTokens }: SavedState, tenant: string) => {
  const request: GenerateRequest = {
    task: 'generate',
    model: 'saved',
    input: { type: 'text', prompt: [...prompt] },
    maxTokens,
    sampling: { temperature: 0 },
  };
  const { choices, usage } = await collect(session.run(request, { id: tenant, tenant, signal }));
  return { text: choices[0]?.text ?? '', isUsed: (usage?.cachedPromptTokens ?? 0) > 0 };
};

/** Opens a model with a folder of damaged states, one for each tenant, and has each tenant ask. */
const tryAll = async (
  provider: Provider,
  location: string,
  saved: SavedState,
  some: readonly Damaged[],
  tally: Tally,
  countLeft: () => Promise<number>,
): Promise<void> => {
  await using session = await provider.open({ name: 'saved', location }, { signal });
  let used = 0;
  for (const [i, damaged] of some.entries()) {
    tally.tried++;
    try {
      const { text, isUsed } = await ask(session, saved, `t${i}`);
      tally.add(damaged, isUsed);
      if (isUsed) used++;
      if (text === saved.expected) continue;
      tally.wrongAnswers++;
      tally.note(`another answer with ${damaged.what}: ${JSON.stringify(text)}`);
    } catch (thrown) {
      const { code, message } = GolekError.from(thrown);
      if (code === 'engine_crashed') tally.engineEnds++;
      tally.note(`${code} with ${damaged.what}: ${message.slice(0, 200)}`);
    }
  }
  const left = await countLeft();
  if (left !== used) tally.note(`${left} states are left, of which ${used} were used`);
};

/**
 * Tries saved states that are cut or whose counts, sizes, types and positions are others, with digests that are right for them: each must be a miss or do no harm. No engine may end, and no
 * answer be another.
 */
export const runStates = async ({ model, truncations, fields, log }: StatesOptions): Promise<StatesReport> => {
  const folder = await mkdtemp(path.join(tmpdir(), 'golek-states-'));
  const started = performance.now();
  const tally = new Tally();
  try {
    await mkdir(path.join(folder, 'original'));
    const saved = await saveState(model, path.join(folder, 'original'));
    const { state, header } = pairOf(saved);
    const random = randomOf(1);
    const all = damages(state, { truncations, fields }, random);
    for (let from = 0; from < all.length; from += AT_ONCE) {
      const some = all.slice(from, from + AT_ONCE);
      const states = path.join(folder, 'states');
      for (const [i, damaged] of some.entries())
        await writeForTenant(states, { header, state: damaged.state() }, `t${i}`);
      await using provider = createIsolatedGgufProvider({
        threads: 1,
        gpu: false,
        parallel: 1,
        contextSize: 512,
        prefixCacheDir: states,
        prefixCacheBytes: Number.MAX_SAFE_INTEGER,
      });
      const left = async (): Promise<number> =>
        (await readdir(states)).filter((name) => name.endsWith('.state')).length;
      await tryAll(provider, model, saved, some, tally, left);
      await rm(states, { recursive: true, force: true });
      log?.(`${tally.tried} of ${all.length} states, ${tally.engineEnds} engines ended, ${tally.wrong.length} wrong`);
    }
    const { tried, outcomes, engineEnds, wrongAnswers, wrong } = tally;
    return { seconds: (performance.now() - started) / 1000, tried, outcomes, engineEnds, wrongAnswers, wrong };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
