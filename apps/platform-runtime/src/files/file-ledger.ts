import { GolekError } from '@golek/api';
import type { StoredFile } from './stored-file.ts';

export interface FileLimits {
  readonly maxBytes: number;
  readonly maxTenantBytes: number;
  readonly maxTotalBytes: number;
  readonly maxTenantFiles: number;
  readonly maxFiles: number;
  readonly maxAgeSeconds: number;
}

/** What a file in the making takes of the limits. */
export interface Room {
  /** Throws `request_too_large`, `conflict` or `overloaded` where so many more bytes are too many. */
  readonly reserve: (bytes: number) => void;
  /** What was reserved is the file's now. */
  readonly settle: (file: StoredFile) => void;
  /** Gives back what was reserved; nothing after `settle`. */
  readonly release: () => void;
}

interface Account {
  readonly files: Map<string, StoredFile>;
  bytes: number;
  /** Files that are there or in the making. */
  count: number;
}

/** Who has which files, and how much of what is allowed that is. Files in the making count, so that no limit is passed by several at once. */
export class FileLedger {
  readonly #limits: () => FileLimits;
  readonly #accounts = new Map<string, Account>();
  #bytes = 0;
  #count = 0;

  constructor(limits: () => FileLimits) {
    this.#limits = limits;
  }

  of(tenant: string): StoredFile[] {
    return [...(this.#accounts.get(tenant)?.files.values() ?? [])];
  }

  all(): StoredFile[] {
    return [...this.#accounts.keys()].flatMap((tenant) => this.of(tenant));
  }

  find(tenant: string, id: string): StoredFile | undefined {
    return this.#accounts.get(tenant)?.files.get(id);
  }

  /** Counts a file that is there already. */
  add(file: StoredFile): void {
    this.#take(file.tenant, file.bytes, 1).files.set(file.id, file);
  }

  remove({ tenant, id, bytes }: StoredFile): void {
    if (this.#accounts.get(tenant)?.files.delete(id)) this.#take(tenant, -bytes, -1);
  }

  /** Throws `conflict` and `overloaded` where there are too many files. */
  open(tenant: string): Room {
    const { maxFiles, maxTenantFiles } = this.#limits();
    if ((this.#accounts.get(tenant)?.count ?? 0) >= maxTenantFiles) {
      throw tooMuch(`you have ${maxTenantFiles} files, which is the limit (files.maxTenantFiles)`);
    }
    if (this.#count >= maxFiles) throw full();
    this.#take(tenant, 0, 1);
    let reserved = 0;
    let open = true;
    return {
      reserve: (bytes) => {
        const { maxBytes, maxTenantBytes, maxTotalBytes } = this.#limits();
        if (reserved + bytes > maxBytes) {
          const message = `the file is larger than ${maxBytes} bytes (files.maxBytes)`;
          throw new GolekError('request_too_large', message, { details: { path: 'file', limit: maxBytes } });
        }
        if ((this.#accounts.get(tenant)?.bytes ?? 0) + bytes > maxTenantBytes) {
          throw tooMuch(`with this file you would have more than ${maxTenantBytes} bytes (files.maxTenantBytes)`);
        }
        if (this.#bytes + bytes > maxTotalBytes) throw full();
        this.#take(tenant, bytes, 0);
        reserved += bytes;
      },
      settle: (file) => {
        open = false;
        this.#accounts.get(tenant)?.files.set(file.id, file);
      },
      release: () => {
        if (open) this.#take(tenant, -reserved, -1);
        open = false;
      },
    };
  }

  #take(tenant: string, bytes: number, count: number): Account {
    const account = this.#accounts.get(tenant) ?? { files: new Map<string, StoredFile>(), bytes: 0, count: 0 };
    account.bytes += bytes;
    account.count += count;
    this.#bytes += bytes;
    this.#count += count;
    if (account.count > 0) this.#accounts.set(tenant, account);
    else this.#accounts.delete(tenant);
    return account;
  }
}

const tooMuch = (message: string): GolekError =>
  new GolekError('conflict', `${message}; delete some with DELETE /v1/files/{id}`, { details: { path: 'file' } });

const full = (): GolekError =>
  new GolekError(
    'overloaded',
    'the server has no room for more files (files.maxTotalBytes, files.maxFiles); try again when some have expired',
  );
