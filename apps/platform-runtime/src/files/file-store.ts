import { hash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import type { DataFolder } from '@golek/core';
import { GolekError } from '@golek/api';
import type { Log } from '@golek/plugins-api';
import type { UploadWish } from '@golek/protocols/openai-files';
import { FileLedger, type FileLimits } from './file-ledger.ts';
import { StoredFile } from './stored-file.ts';
import { Upload } from './upload.ts';

export interface FileStoreOptions {
  readonly data: DataFolder;
  readonly limits: () => FileLimits;
  readonly log: Log;
  /** Milliseconds; default: the clock. */
  readonly now?: () => number;
}

/** What makes a file out of an upload. */
export interface KeepOptions extends UploadWish {
  readonly filename: string;
}

/** Where a file is put together; `discard` after everything, which does nothing to a kept file. */
export interface OpenUpload {
  readonly write: (piece: Uint8Array) => Promise<void>;
  readonly keep: (options: KeepOptions) => Promise<StoredFile>;
  readonly discard: () => Promise<void>;
}

/** Expired files are looked for so often, milliseconds. */
const SWEEP_MS = 60_000;
/** OpenAI's own least time, seconds. */
const SHORTEST_LIFE = 3600;

const CONTENT = '.bin';
const FACTS = '.json';
const OWNER_ONLY = 0o700;

/**
 * Files that tenants have uploaded, in the data folder: content and facts, each staged and renamed, the facts last, so that a file is there whole or not at all. What they may
 * take is bounded for each file, each tenant, and the server; they go when they are too old.
 */
export class FileStore implements AsyncDisposable {
  readonly #options: FileStoreOptions;
  readonly #ledger: FileLedger;
  #sweep: NodeJS.Timeout | undefined;

  constructor(options: FileStoreOptions) {
    this.#options = options;
    this.#ledger = new FileLedger(options.limits);
  }

  /** Finds what was kept before; removes what is damaged, expired, or was left in the middle. */
  async load(): Promise<void> {
    const folders = await readdir(this.#root).catch(() => []);
    for (const folder of folders) await this.#loadFolder(path.join(this.#root, folder));
    this.#sweep = setInterval(() => void this.#removeExpired(), SWEEP_MS);
    this.#sweep.unref();
  }

  /** Begins a file. Throws `conflict` and `overloaded` where there are too many. */
  async begin(tenant: string): Promise<OpenUpload> {
    await this.#removeExpired();
    const room = this.#ledger.open(tenant);
    try {
      const upload = new Upload(await this.#options.data.stage(), room.reserve);
      return {
        write: (piece) => upload.write(piece),
        keep: async (options) => {
          const file = await this.#keep(tenant, upload, options);
          room.settle(file);
          return file;
        },
        discard: async () => {
          room.release();
          await upload.discard();
        },
      };
    } catch (thrown) {
      room.release();
      throw thrown;
    }
  }

  /** A tenant's files, the oldest first. */
  list(tenant: string): readonly StoredFile[] {
    return this.#ledger.of(tenant).filter((file) => !this.#isExpired(file));
  }

  /** Throws `not_found`, also for a file of another tenant. */
  get(tenant: string, id: string): StoredFile {
    const file = this.#ledger.find(tenant, id);
    if (file && !this.#isExpired(file)) return file;
    throw missing(id);
  }

  /** Absolute path of a file's content. Throws `not_found`. */
  contentOf(tenant: string, id: string): string {
    return this.#path(this.get(tenant, id), CONTENT);
  }

  /** Throws `not_found`. */
  async read(tenant: string, id: string): Promise<Buffer> {
    return readFile(this.contentOf(tenant, id)).catch(() => {
      throw missing(id);
    });
  }

  /** Throws `not_found`. */
  async delete(tenant: string, id: string): Promise<void> {
    await this.#remove(this.get(tenant, id));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#sweep);
    await Promise.resolve();
  }

  get #root(): string {
    return this.#options.data.path('tmp/uploads');
  }

  get #seconds(): number {
    return Math.floor((this.#options.now ?? Date.now)() / 1000);
  }

  #isExpired({ expiresAt }: StoredFile): boolean {
    return expiresAt <= this.#seconds;
  }

  #path({ tenant, id }: Pick<StoredFile, 'tenant' | 'id'>, ending: string): string {
    // A tenant's name may be anything; its digest is a folder.
    return path.join(this.#root, hash('sha256', tenant).slice(0, 32), id + ending);
  }

  async #keep(tenant: string, upload: Upload, { filename, purpose, expiresAfter }: KeepOptions): Promise<StoredFile> {
    const createdAt = this.#seconds;
    const expiresAt = createdAt + this.#lifeOf(expiresAfter);
    const id = `file-${randomBytes(16).toString('hex')}`;
    const content = this.#path({ tenant, id }, CONTENT);
    await mkdir(path.dirname(content), { recursive: true, mode: OWNER_ONLY });
    const facts = await upload.keep(content);
    const file: StoredFile = { id, tenant, filename, purpose, ...facts, createdAt, expiresAt };
    try {
      await this.#options.data.write(
        path.relative(this.#options.data.root, this.#path(file, FACTS)),
        JSON.stringify(file),
      );
    } catch (thrown) {
      await rm(content, { force: true });
      throw thrown;
    }
    return file;
  }

  #lifeOf(wished: number | undefined): number {
    const { maxAgeSeconds } = this.#options.limits();
    if (wished === undefined) return maxAgeSeconds;
    if (wished >= SHORTEST_LIFE && wished <= maxAgeSeconds) return wished;
    throw new GolekError(
      'invalid_request',
      `'expires_after[seconds]' is ${wished}; expected ${SHORTEST_LIFE} to ${maxAgeSeconds} (files.maxAgeSeconds)`,
      { details: { path: 'expires_after[seconds]' } },
    );
  }

  async #loadFolder(folder: string): Promise<void> {
    const names = new Set(await readdir(folder).catch(() => []));
    for (const name of names) {
      if (name.endsWith(FACTS) && names.has(name.slice(0, -FACTS.length) + CONTENT)) {
        const file = await this.#readFacts(path.join(folder, name));
        if (file && !this.#isExpired(file)) {
          this.#ledger.add(file);
          continue;
        }
        names.delete(name.slice(0, -FACTS.length) + CONTENT);
        await rm(path.join(folder, name.slice(0, -FACTS.length) + CONTENT), { force: true });
      } else if (name.endsWith(CONTENT) && names.has(name.slice(0, -CONTENT.length) + FACTS)) continue;
      await rm(path.join(folder, name), { recursive: true, force: true });
    }
    // Only an empty one goes.
    await rmdir(folder).catch(() => undefined);
  }

  /** Undefined for facts that cannot be read, or that are in another place than they say. */
  async #readFacts(file: string): Promise<StoredFile | undefined> {
    try {
      const facts = StoredFile.parse(JSON.parse(await readFile(file, 'utf8')));
      if (this.#path(facts, FACTS) === file) return facts;
    } catch (err) {
      this.#options.log.warn({ err, file }, 'an uploaded file cannot be read any longer and is removed');
    }
    return undefined;
  }

  async #removeExpired(): Promise<void> {
    for (const file of this.#ledger.all()) if (this.#isExpired(file)) await this.#remove(file);
  }

  /** The facts first: what is left of a file without them is removed at the next start. */
  async #remove(file: StoredFile): Promise<void> {
    this.#ledger.remove(file);
    await rm(this.#path(file, FACTS), { force: true });
    await rm(this.#path(file, CONTENT), { force: true });
  }
}

const missing = (id: string): GolekError =>
  new GolekError('not_found', `no file '${id.slice(0, 80)}' is kept; upload it again with POST /v1/files`, {
    details: { path: 'file_id' },
  });
