import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import path from 'node:path';

export interface ScanLimits {
  /** Folders below the given one that are entered. */
  readonly maxDepth: number;
  /** Entries of all folders together that are looked at. */
  readonly maxEntries: number;
}

export interface ScanResult {
  /** Absolute paths as found, sorted; no two lead to the same file. */
  readonly files: readonly string[];
  /** What was left out, and why. */
  readonly notes: readonly string[];
}

interface Scan {
  readonly limits: ScanLimits;
  readonly signal: AbortSignal;
  readonly visited: Set<string>;
  readonly files: Map<string, string>;
  readonly notes: string[];
  entries: number;
}

const MODEL_FILE = /\.(gguf|onnx)$/i;

/** Finds the model files below folders. Hidden entries are skipped, links followed once, a missing folder has none. */
export const findModelFiles = async (
  folders: readonly string[],
  limits: ScanLimits,
  signal: AbortSignal,
): Promise<ScanResult> => {
  const scan: Scan = { limits, signal, visited: new Set(), files: new Map(), notes: [], entries: 0 };
  for (const folder of folders) await enter(scan, path.resolve(folder), 0);
  if (scan.entries > limits.maxEntries) {
    scan.notes.push(`the search for models stopped after ${limits.maxEntries} files and folders; name the model files`);
  }
  return { files: [...scan.files.values()], notes: scan.notes };
};

const enter = async (scan: Scan, folder: string, depth: number): Promise<void> => {
  scan.signal.throwIfAborted();
  const real = await realpath(folder).catch(() => undefined);
  if (real === undefined || scan.visited.has(real) || scan.entries > scan.limits.maxEntries) return;
  if (depth > scan.limits.maxDepth) {
    scan.notes.push(`${folder} lies more than ${scan.limits.maxDepth} folders deep and was not searched`);
    return;
  }
  scan.visited.add(real);
  let entries: Dirent[];
  try {
    entries = await readdir(folder, { withFileTypes: true });
  } catch (thrown) {
    const { code = 'unreadable' } = thrown as NodeJS.ErrnoException;
    scan.notes.push(`${folder} could not be searched for models (${code})`);
    return;
  }
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    scan.entries += 1;
    if (scan.entries > scan.limits.maxEntries) return;
    if (!entry.name.startsWith('.')) await look(scan, folder, entry, depth);
  }
};

const look = async (scan: Scan, folder: string, entry: Dirent, depth: number): Promise<void> => {
  const full = path.join(folder, entry.name);
  let target: Pick<Dirent, 'isDirectory' | 'isFile'> = entry;
  if (entry.isSymbolicLink()) {
    const followed = await stat(full).catch(() => undefined);
    if (!followed) {
      if (MODEL_FILE.test(entry.name)) scan.notes.push(`${full} is a link to nothing`);
      return;
    }
    target = followed;
  }
  if (target.isDirectory()) return enter(scan, full, depth + 1);
  if (!target.isFile() || !MODEL_FILE.test(entry.name)) return;
  const real = await realpath(full).catch(() => full);
  if (!scan.files.has(real)) scan.files.set(real, full);
};
