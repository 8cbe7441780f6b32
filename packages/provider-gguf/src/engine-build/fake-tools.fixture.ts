import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished, vi } from 'vitest';

/** The folder of the binary that comes with node-llama-cpp, and the only one that this machine has. */
export const prebuiltFolder = async (): Promise<string> => {
  const binding = createRequire(fileURLToPath(import.meta.resolve('node-llama-cpp')));
  for (const place of binding.resolve.paths('@node-llama-cpp') ?? []) {
    const bins = path.join(place, '@node-llama-cpp', `${process.platform}-${process.arch}`, 'bins');
    const [found] = await readdir(bins).catch(() => []);
    if (found !== undefined) return path.join(bins, found);
  }
  throw new Error('no prebuilt binary is installed');
};

export interface FakeTools {
  /** Folder of own engines. */
  readonly folder: string;
  /** Sources that look like llama.cpp's. */
  readonly source: string;
  /** Where the fake cmake writes what it was given, a call a line. */
  readonly calls: string;
}

/**
 * Puts programs before all others on the PATH of this process until the test ends: a cmake that "builds" by copying what `made` holds (default: the prebuilt
 * binary), and shell scripts in the place of others. `only`: nothing else is on the PATH but what a shell needs.
 */
export const fakeTools = async ({
  made,
  scripts = {},
  only = false,
}: {
  readonly made?: string;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly only?: boolean;
} = {}): Promise<FakeTools> => {
  const root = await mkdtemp(path.join(tmpdir(), 'golek-engine-build-'));
  const bin = path.join(root, 'bin');
  const source = path.join(root, 'llama.cpp');
  const calls = path.join(root, 'calls');
  await mkdir(bin);
  await mkdir(path.join(source, 'ggml'), { recursive: true });
  await writeFile(path.join(source, 'ggml/CMakeLists.txt'), '');
  const prebuilt = made ?? (await prebuiltFolder());
  const cmake = `echo "$@" >> '${calls}'
case "$1" in
  --version) echo "cmake version 3.25.1" ;;
  -S) /bin/mkdir -p "$4" ;;
  --build)
    echo "[ 50%] Building CXX object"
    /bin/mkdir -p "$2/bin"
    /bin/cp '${prebuilt}'/*.so* "$2/bin/" 2>/dev/null
    /bin/cp '${prebuilt}'/*.dylib "$2/bin/" 2>/dev/null
    /bin/cp '${prebuilt}'/llama-addon.node "$2/" 2>/dev/null
    exit 0 ;;
esac`;
  const all: Readonly<Record<string, string>> = {
    cmake,
    ninja: 'echo 1.11.1',
    'c++': 'if [ "$1" = -dumpversion ]; then echo 14; else echo "c++ (fake) 14.1.0"; fi',
    ...scripts,
  };
  for (const [name, script] of Object.entries(all)) {
    if (script === '') continue;
    await writeFile(path.join(bin, name), `#!/bin/sh\n${script}\n`);
    await chmod(path.join(bin, name), 0o755);
  }
  // eslint-disable-next-line no-restricted-properties -- programs are looked for where the system looks for them
  const before = process.env['PATH'] ?? '';
  vi.stubEnv('PATH', only ? bin : `${bin}:${before}`);
  onTestFinished(async () => {
    vi.unstubAllEnvs();
    await rm(root, { recursive: true, force: true });
  });
  return { folder: path.join(root, 'engines'), source, calls };
};
