import { createHash, randomBytes } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { digestFile, fileIdentity } from './state-digest.ts';
import { encodeHeader, parseHeader, type StateHeader } from './state-header.ts';

export interface StateFolderLimits {
  /** Of all states in the folder together, whichever models and processes made them. */
  readonly bytes: number;
  readonly states: number;
}

/** A state that is complete on disk. */
export interface StoredState extends StateHeader {
  /** Name of its files without their ends. */
  readonly name: string;
}

/** What became of a state that was to be kept. */
interface KeptState {
  /** Undefined when it alone is larger than the limit. */
  readonly stored: StoredState | undefined;
  /** Names of those that had to go. */
  readonly removed: readonly string[];
  readonly identity: string | undefined;
}

interface Pair {
  readonly name: string;
  bytes: number;
  usedAt: number;
  readonly files: string[];
}

const HEADER = '.json';
const STATE = '.state';
const STAGED = '.part';
const IN_USE = '.loading';
/** No state takes this long to write: what is older was left by a process that is gone. */
const STAGED_FOR_MS = 600_000;
/** A header of the longest sequences; anything larger is none. */
const MAX_HEADER = 64 << 20;

/**
 * Saved states as files. Each is two of them: the state as llama.cpp wrote it, and a header that is written last and so makes it count.
 * Both are staged and renamed; readers check a digest. Several processes may use one folder: each takes away the states that were not used
 * for longest, a state that is gone is a miss, and a mixture of two writers does not match its digest.
 *
 * Nothing is synced to disk: a state that a power failure damaged does not match its digest either.
 */
export class StateFolder {
  readonly #folder: string;
  readonly #limits: StateFolderLimits;

  constructor(folder: string, limits: StateFolderLimits) {
    this.#folder = folder;
    this.#limits = limits;
  }

  get limits(): StateFolderLimits {
    return this.#limits;
  }

  pathOf(file: string): string {
    return path.join(this.#folder, file);
  }

  /** The states of one fingerprint, those used last first. Makes the folder. */
  async list(fingerprint: string): Promise<StoredState[]> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    await this.#removeFatal();
    const pairs = await this.#pairs();
    const states: StoredState[] = [];
    for (const { name } of pairs.filter(({ name }) => name.startsWith(`${fingerprint.slice(0, 16)}-`)).reverse()) {
      const header = await this.#header(name);
      if (header?.fingerprint === fingerprint) states.push({ ...header, name });
    }
    return states;
  }

  /** A path for a state that is about to be written. */
  async stage(): Promise<string> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    return this.#stagedPath();
  }

  /**
   * Takes a state that lies at a staged path, and makes room for it first. The staged file is gone in any case.
   */
  async keep(
    staged: string,
    { fingerprint, space, tokens }: Pick<StateHeader, 'fingerprint' | 'space' | 'tokens'>,
  ): Promise<KeptState> {
    const staging = this.#stagedPath();
    try {
      await chmod(staged, 0o600);
      const { digest, bytes } = await digestFile(staged);
      const name = stateName({ fingerprint, space, tokens });
      const file = `${name}-${digest.slice(0, 16)}${STATE}`;
      const header = { fingerprint, space, tokens, file, bytes, digest };
      const text = encodeHeader(header);
      if (bytes + text.length > this.#limits.bytes) return { stored: undefined, removed: [], identity: undefined };
      const { removed, replaced } = await this.#makeRoom(bytes + text.length, name);
      await writeFile(staging, text, { mode: 0o600 });
      await rename(staged, this.pathOf(file));
      await rename(staging, this.pathOf(name + HEADER));
      for (const old of replaced) if (old !== file) await rm(this.pathOf(old), { force: true });
      // Renaming changed it.
      const identity = await fileIdentity(this.pathOf(file));
      return { stored: { ...header, name }, removed, identity };
    } finally {
      await Promise.all([rm(staged, { force: true }), rm(staging, { force: true })]);
    }
  }

  /** Does something that may end the process, with a mark beside the state: a process that finds the mark of one that is gone takes the state away. */
  async guarded<T>({ name }: Pick<StoredState, 'name'>, work: () => Promise<T>): Promise<T> {
    const mark = this.pathOf(`${name}-${process.pid}${IN_USE}`);
    // Where nothing can be written, states can be read all the same.
    await writeFile(mark, '', { mode: 0o600 }).catch(() => undefined);
    try {
      return await work();
    } finally {
      await rm(mark, { force: true });
    }
  }

  /** States in whose use a process ended. */
  async #removeFatal(): Promise<void> {
    const files = await readdir(this.#folder);
    for (const mark of files.filter((file) => file.endsWith(IN_USE))) {
      const [print = '', id = '', pid] = mark.slice(0, -IN_USE.length).split('-');
      if (isAlive(Number(pid))) continue;
      for (const file of files) {
        if (file.startsWith(`${print}-${id}`)) await rm(this.pathOf(file), { force: true });
      }
    }
  }

  /** Notes that it was used, for whoever looks for the oldest ones. */
  async touch({ name }: StoredState): Promise<void> {
    const now = new Date();
    // It may be gone, which is found where it matters.
    await utimes(this.pathOf(name + HEADER), now, now).catch(() => undefined);
  }

  /** The header goes first: without it the rest is not looked at. */
  async remove({ name, file }: Pick<StoredState, 'name' | 'file'>): Promise<void> {
    await rm(this.pathOf(name + HEADER), { force: true });
    await rm(this.pathOf(file), { force: true });
  }

  /** Bytes and number of all states in the folder. */
  async size(): Promise<{ readonly bytes: number; readonly states: number }> {
    const pairs = await this.#pairs();
    return { bytes: pairs.reduce((sum, pair) => sum + pair.bytes, 0), states: pairs.length };
  }

  #stagedPath(): string {
    return this.pathOf(`${process.pid}-${randomBytes(8).toString('hex')}${STAGED}`);
  }

  async #header(name: string): Promise<StateHeader | undefined> {
    const file = this.pathOf(name + HEADER);
    try {
      if ((await stat(file)).size > MAX_HEADER) return undefined;
      return parseHeader(await readFile(file, 'utf8'));
    } catch {
      return undefined;
    }
  }

  /** Takes the least recently used states away until one more fits; the one of this name is replaced and does not count. */
  async #makeRoom(bytes: number, name: string): Promise<{ removed: string[]; replaced: readonly string[] }> {
    const pairs = await this.#pairs();
    const others = pairs.filter((pair) => pair.name !== name);
    let total = others.reduce((sum, pair) => sum + pair.bytes, 0);
    let count = others.length;
    const removed: string[] = [];
    for (const pair of others) {
      if (total + bytes <= this.#limits.bytes && count < this.#limits.states) break;
      for (const file of pair.files) await rm(this.pathOf(file), { force: true });
      total -= pair.bytes;
      count -= 1;
      removed.push(pair.name);
    }
    const same = pairs.find((pair) => pair.name === name);
    return { removed, replaced: same?.files.filter((file) => file.endsWith(STATE)) ?? [] };
  }

  /** What lies in the folder, the least recently used first; what was never finished is taken away. */
  async #pairs(): Promise<Pair[]> {
    const pairs = new Map<string, Pair>();
    for (const file of await readdir(this.#folder).catch(() => [])) {
      const isHeader = file.endsWith(HEADER);
      if (!isHeader && !file.endsWith(STATE) && !file.endsWith(STAGED)) continue;
      const found = await stat(this.pathOf(file)).catch(() => undefined);
      if (!found) continue;
      if (file.endsWith(STAGED)) {
        if (Date.now() - found.mtimeMs > STAGED_FOR_MS) await rm(this.pathOf(file), { force: true });
        continue;
      }
      const name = file.split(/[-.]/, 2).join('-');
      const pair = pairs.get(name) ?? { name, bytes: 0, usedAt: 0, files: [] };
      pairs.set(name, pair);
      pair.bytes += found.size;
      // A state without a header is one that is being written, or was left behind: as old as itself.
      pair.usedAt = Math.max(pair.usedAt, found.mtimeMs);
      if (isHeader) pair.files.unshift(file);
      else pair.files.push(file);
    }
    return [...pairs.values()].sort((a, b) => a.usedAt - b.usedAt);
  }
}

const isAlive = (pid: number): boolean => {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};

/** Sixteen digits of the fingerprint and the digest of who may use which tokens. */
const stateName = ({ fingerprint, space, tokens }: Pick<StateHeader, 'fingerprint' | 'space' | 'tokens'>): string => {
  const hash = createHash('sha256').update(fingerprint).update(space).update(tokens);
  return `${fingerprint.slice(0, 16)}-${hash.digest('hex').slice(0, 32)}`;
};
