import { open, type FileHandle } from 'node:fs/promises';

/** What a file held when it was read; a file of the same identity need not be read again. */
export interface FileDigest {
  readonly digest: string;
  readonly bytes: number;
  readonly identity: string;
}

/** Bounds the memory that a digest takes; part of what the digest is. */
const PIECE = 4 << 20;

/**
 * SHA-256 over the SHA-256 of each 4 MiB of a file. Pieces, so that states of any size take little memory; on the thread pool, so that the
 * event loop, and with it every token that streams, goes on.
 */
export const digestFile = async (path: string): Promise<FileDigest> => {
  const file = await open(path, 'r');
  try {
    const identity = await identityOf(file);
    // States of small models are smaller than a piece, and many may be read at a time.
    const { size } = await file.stat();
    const piece = new Uint8Array(Math.min(PIECE, Math.max(1, size)));
    const digests: Uint8Array[] = [];
    let bytes = 0;
    for (;;) {
      const length = await fill(file, piece, bytes);
      if (length === 0) break;
      digests.push(new Uint8Array(await crypto.subtle.digest('SHA-256', piece.subarray(0, length))));
      bytes += length;
    }
    const all = Buffer.concat(digests);
    return { digest: Buffer.from(await crypto.subtle.digest('SHA-256', all)).toString('hex'), bytes, identity };
  } finally {
    await file.close();
  }
};

/** Changes whenever the content may have changed. */
export const fileIdentity = async (path: string): Promise<string> => {
  const file = await open(path, 'r');
  try {
    return await identityOf(file);
  } finally {
    await file.close();
  }
};

const identityOf = async (file: FileHandle): Promise<string> => {
  const { dev, ino, size, mtimeNs, ctimeNs } = await file.stat({ bigint: true });
  return [dev, ino, size, mtimeNs, ctimeNs].join('-');
};

/** Reads until the buffer is full or the file ends: a single read may give less. */
const fill = async (file: FileHandle, buffer: Uint8Array, position: number): Promise<number> => {
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
};
