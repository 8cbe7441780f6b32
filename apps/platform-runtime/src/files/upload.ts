import { createHash } from 'node:crypto';
import type { StagedFile } from '@golek/core';
import { fileKind, GolekError } from '@golek/api';
import { isKept, KEPT_FORMATS, type StoredFile } from './stored-file.ts';

/** Formats are known by so many first bytes. */
const LONGEST_BEGINNING = 64;

const NAMES = Object.keys(KEPT_FORMATS).join(', ');

/** A file on its way to the disk. */
export class Upload {
  readonly #staged: StagedFile;
  readonly #reserve: (bytes: number) => void;
  readonly #hash = createHash('sha256');
  #beginning = Buffer.alloc(0);
  #bytes = 0;

  /** `reserve` is told of bytes before they are written, and throws where there is no room for them. */
  constructor(staged: StagedFile, reserve: (bytes: number) => void) {
    this.#staged = staged;
    this.#reserve = reserve;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Throws what `reserve` does, and `unsupported_media_type` as soon as it is known that this is no file of a kind that is kept. */
  async write(piece: Uint8Array): Promise<void> {
    this.#reserve(piece.byteLength);
    this.#bytes += piece.byteLength;
    if (this.#beginning.length < LONGEST_BEGINNING) {
      this.#beginning = Buffer.concat([this.#beginning, piece.subarray(0, LONGEST_BEGINNING - this.#beginning.length)]);
      if (this.#beginning.length === LONGEST_BEGINNING) this.#format();
    }
    this.#hash.update(piece);
    await this.#staged.write(piece);
  }

  /** Gives the file its place. Throws `unsupported_media_type`, and `invalid_request` for an empty file. */
  async keep(target: string): Promise<Pick<StoredFile, 'bytes' | 'digest' | 'format'>> {
    if (this.#bytes === 0) {
      throw new GolekError('invalid_request', "the file is empty; send its bytes in the part 'file'", {
        details: { path: 'file' },
      });
    }
    const format = this.#format();
    await this.#staged.keep(target);
    return { bytes: this.#bytes, digest: this.#hash.digest('hex'), format };
  }

  async discard(): Promise<void> {
    await this.#staged.discard();
  }

  #format(): StoredFile['format'] {
    const format = fileKind(this.#beginning);
    if (isKept(format)) return format;
    const what = format === undefined ? 'is of no format that is known here' : `is a file of the format ${format}`;
    throw new GolekError('unsupported_media_type', `the file ${what}; ${NAMES} are kept`, {
      details: { path: 'file' },
    });
  }
}
