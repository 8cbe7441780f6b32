import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Packs a built package as npm would publish it; gives the tarball's path. */
export const pack = async (folder: string, destination: string): Promise<string> => {
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', destination], {
    cwd: folder,
    maxBuffer: 16 << 20,
  });
  // npm 10 and 11 print a list, npm 12 an object by package name.
  const packed = JSON.parse(stdout) as Record<string, { filename: string }>;
  return path.join(destination, path.basename(Object.values(packed)[0]?.filename ?? ''));
};
