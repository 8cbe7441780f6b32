import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { collect, type GenerateRequest } from '@golek/api';
import { createGgufProvider } from '@golek/provider-gguf';
import type { Random } from '../random.ts';

const MAX_TOKENS = 8;
const signal = new AbortController().signal;

/** A saved state of a prompt's beginning, and a prompt that begins so. */
export interface SavedState {
  readonly files: ReadonlyMap<string, Buffer>;
  readonly prompt: readonly number[];
  readonly maxTokens: number;
  /** The answer to the prompt, with the state or without it. */
  readonly expected: string;
}

/** Token ids without a meaning. */
const noise = (seed: number, length: number): number[] =>
  Array.from({ length }, (_, i) => 300 + ((seed * 7919 + i * 104_729 + i * i * 31) % 2000));

/** Lets a model save the state of what three prompts have in common, into a folder. */
export const saveState = async (location: string, folder: string): Promise<SavedState> => {
  const common = noise(1, 200);
  const ask = async (prompts: readonly (readonly number[])[], prefixCacheDir?: string): Promise<string> => {
    await using provider = createGgufProvider({
      threads: 1,
      gpu: false,
      parallel: 1,
      contextSize: 512,
      ...(prefixCacheDir !== undefined && { prefixCacheDir }),
    });
    await using session = await provider.open({ name: 'saved', location }, { signal });
    let answer = '';
    for (const prompt of prompts) {
      const request: GenerateRequest = {
        task: 'generate',
        model: 'saved',
        input: { type: 'text', prompt: [...prompt] },
        maxTokens: MAX_TOKENS,
        sampling: { temperature: 0 },
      };
      answer = (await collect(session.run(request, { id: 'save', signal }))).choices[0]?.text ?? '';
    }
    return answer;
  };
  await ask(
    [
      [...common, ...noise(2, 30)],
      [...common, ...noise(3, 30)],
    ],
    folder,
  );
  const prompt = [...common, ...noise(4, 30)];
  const names = await readdir(folder);
  const read = names.map(async (name) => [name, await readFile(path.join(folder, name))] as const);
  const files = new Map(await Promise.all(read));
  if (!names.some((name) => name.endsWith('.state'))) throw new Error(`no state was saved in ${folder}`);
  return { files, prompt, maxTokens: MAX_TOKENS, expected: await ask([prompt]) };
};

/** As `digestFile` of the provider makes it: over the digests of pieces. */
const PIECE = 4 << 20;
const digestOf = (file: Buffer): string => {
  const hash = createHash('sha256');
  for (let at = 0; at < file.length; at += PIECE)
    hash.update(
      createHash('sha256')
        .update(file.subarray(at, at + PIECE))
        .digest(),
    );
  return hash.digest('hex');
};

/**
 * Writes the files of a state with one of them damaged. With `signed` the digests are right for the damage, as whoever can write to the folder could make
 * them: llama.cpp then reads what it trusts.
 */
export const writeDamaged = async (
  { files }: SavedState,
  folder: string,
  random: Random,
  signed: boolean,
): Promise<void> => {
  await mkdir(folder, { recursive: true });
  const states = [...files.keys()].filter((name) => name.endsWith('.state'));
  const victim = signed ? random.of(states) : random.of([...files.keys()]);
  const damaged = damage(files.get(victim) as Buffer, random);
  for (const [name, content] of files) {
    const whole = name === victim ? damaged : content;
    const resigned = signed && name.endsWith('.json') ? sign(content, victim, damaged) : whole;
    await writeFile(path.join(folder, name), resigned);
  }
};

const damage = (file: Buffer, random: Random): Buffer => {
  if (random.below(4) === 0) return file.subarray(0, random.below(file.length));
  const copy = Buffer.from(file);
  // Counts and sizes are at the beginning; keys and values follow.
  const reach = random.below(2) === 0 ? Math.min(file.length, 2048) : file.length;
  if (random.below(2) === 0 && reach > 8)
    copy.writeUInt32LE(random.of([0, 1, 0x7fff_ffff, 0xffff_ffff]), random.below(reach - 4));
  else for (let i = 0; i < 8; i++) copy[random.below(reach)] = random.below(256);
  return copy;
};

const sign = (header: Buffer, file: string, state: Buffer): Buffer => {
  const content = contentOf(header);
  return content.file === file ? signed({ ...content, bytes: state.length, digest: digestOf(state) }) : header;
};

const contentOf = (header: Buffer): Record<string, unknown> => {
  const { check: _, ...content } = JSON.parse(header.toString('utf8')) as Record<string, unknown>;
  return content;
};

const signed = (content: Record<string, unknown>): Buffer => {
  const check = createHash('sha256').update(JSON.stringify(content)).digest('hex');
  return Buffer.from(JSON.stringify({ ...content, check }));
};

/** The one state that was saved, and its header. */
export const pairOf = ({ files }: SavedState): { readonly state: Buffer; readonly header: Buffer } => {
  for (const header of [...files].filter(([name]) => name.endsWith('.json')).map(([, content]) => content)) {
    const state = files.get(String(contentOf(header).file));
    if (state) return { state, header };
  }
  throw new Error('no header names a state');
};

/** Puts a changed state into a folder as if it were of a tenant of its own, with digests that are right. */
export const writeForTenant = async (
  folder: string,
  { header, state }: { readonly header: Buffer; readonly state: Buffer },
  tenant: string,
): Promise<void> => {
  const content = contentOf(header);
  const space = createHash('sha256').update(tenant).digest('hex');
  const name = `${String(content.fingerprint).slice(0, 16)}-${space.slice(0, 32)}`;
  const digest = digestOf(state);
  const file = `${name}-${digest.slice(0, 16)}.state`;
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, `${name}.json`), signed({ ...content, space, file, bytes: state.length, digest }));
  await writeFile(path.join(folder, file), state);
};
