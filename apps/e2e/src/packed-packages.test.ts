import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pack } from './pack.fixture.ts';

const ROOT = path.resolve(import.meta.dirname, '../../..');
const run = promisify(execFile);

interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
}
interface Package {
  readonly folder: string;
  readonly manifest: Manifest;
  tarball: string;
}

const packages: Package[] = [];
let project: string;

const readJson = async <T>(file: string): Promise<T> => JSON.parse(await readFile(file, 'utf8')) as T;
const root = await readJson<{ devDependencies: Record<string, string>; overrides: Record<string, unknown> }>(
  path.join(ROOT, 'package.json'),
);
for (const group of ['packages', 'apps']) {
  for (const entry of await readdir(path.join(ROOT, group))) {
    const folder = path.join(ROOT, group, entry);
    const manifest = await readJson<Manifest>(path.join(folder, 'package.json')).catch(() => undefined);
    if (manifest && !manifest.private) packages.push({ folder, manifest, tarball: '' });
  }
}

/** The engine's GPU builds are 600 MB that no test here can run. */
const withoutGpuBuilds = Object.fromEntries(
  Object.entries(root.overrides).filter(([name]) => name.startsWith('@node-llama-cpp/')),
);
const exampleOf = async ({ folder }: Package): Promise<string> =>
  /<!-- example -->\n```ts\n([\s\S]*?)```/.exec(await readFile(path.join(folder, 'README.md'), 'utf8'))?.[1] ?? '';
const fileOf = ({ manifest }: Package): string => `${manifest.name.replace('@golek/', '')}.ts`;

beforeAll(async () => {
  project = await mkdtemp(path.join(tmpdir(), 'golek-packed-'));
  const dependencies: Record<string, string> = {};
  for (const each of packages) {
    each.tarball = await pack(each.folder, project);
    dependencies[each.manifest.name] = `file:${each.tarball}`;
  }
  const devDependencies = Object.fromEntries(
    ['vitest', 'vite', '@types/node'].map((name) => [name, root.devDependencies[name]]),
  );
  await writeFile(
    path.join(project, 'package.json'),
    JSON.stringify({
      name: 'consumer',
      private: true,
      type: 'module',
      dependencies,
      devDependencies,
      overrides: withoutGpuBuilds,
    }),
  );
  await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'], {
    cwd: project,
    maxBuffer: 64 << 20,
  });
  await mkdir(path.join(project, 'examples'));
  for (const each of packages) await writeFile(path.join(project, 'examples', fileOf(each)), await exampleOf(each));
  await writeFile(
    path.join(project, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: {
        target: 'es2024',
        lib: ['es2024', 'esnext.disposable'],
        module: 'nodenext',
        strict: true,
        noEmit: true,
        types: ['node'],
        skipLibCheck: false,
        allowImportingTsExtensions: true,
        exactOptionalPropertyTypes: true,
      },
      include: ['examples', 'external'],
    }),
  );
  await mkdir(path.join(project, 'external'));
  for (const file of ['echo-provider.ts', 'echo-provider.test.ts']) {
    await copyFile(path.join(import.meta.dirname, 'external', file), path.join(project, 'external', file));
  }
}, 600_000);
afterAll(() => rm(project, { recursive: true, force: true }));

describe.each(packages)('$manifest.name, packed', (each) => {
  it('has sound exports and ships no tests and no sources', async () => {
    const { messages } = await publint({
      strict: true,
      pack: { tarball: await readTarball(each.tarball) },
    });
    // The condition @golek/source serves this repository; its files are not shipped, and nobody else sets it.
    const real = messages.filter((message) => !message.path.includes('@golek/source'));
    expect(real.map((message) => formatMessage(message, each.manifest as never))).toEqual([]);
    const { stdout } = await run('tar', ['-tzf', each.tarball]);
    // A generator ships sources: as what it writes.
    const own = stdout.split('\n').filter((file) => !file.startsWith('package/templates/'));
    expect(own.filter((file) => /\.(test|fixture)\.|\/src\/|\/spec\/|tsbuildinfo/.test(file))).toEqual([]);
    expect(stdout).toContain('package/README.md');
    expect(stdout).toContain('package/LICENSE');
    // Attributions that a licence asks for go with the work.
    expect(stdout.includes('package/NOTICE')).toBe((await readdir(each.folder)).includes('NOTICE'));
  });

  it('runs the example of its README', { timeout: 120_000 }, async () => {
    await expect(
      run(process.execPath, [path.join('examples', fileOf(each))], { cwd: project, timeout: 60_000 }),
    ).resolves.toBeTruthy();
  });
});

const readTarball = async (file: string): Promise<ArrayBuffer> => {
  const bytes = await readFile(file);
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
};

describe('a project that installs the packed packages', () => {
  it(
    'type-checks every example and the outside provider against the shipped declarations',
    { timeout: 120_000 },
    async () => {
      const { stdout } = await run(path.join(ROOT, 'node_modules/.bin/tsc'), ['-p', project], { cwd: project }).catch(
        (error: unknown) => error as { stdout: string },
      );
      expect(stdout).toBe('');
    },
  );

  it('holds a provider of its own to the contract', { timeout: 180_000 }, async () => {
    const report = path.join(project, 'report.json');
    await run(
      process.execPath,
      [
        'node_modules/vitest/vitest.mjs',
        'run',
        '--root',
        project,
        '--dir',
        'external',
        '--reporter=json',
        `--outputFile=${report}`,
      ],
      { cwd: project },
    ).catch(() => undefined);
    const { numFailedTests, numPassedTests } = await readJson<{ numFailedTests: number; numPassedTests: number }>(
      report,
    );
    expect(numFailedTests).toBe(0);
    expect(numPassedTests).toBeGreaterThan(8);
  });

  it('has the command line, which answers from the shipped model', { timeout: 120_000 }, async () => {
    const golek = path.join(project, 'node_modules/.bin/golek');
    const environment = { ...process.env, GOLEK_HOME: path.join(project, 'home') };
    const running = run(golek, ['run', '--temperature', '0', 'Who are you?'], { cwd: project, env: environment });
    // A prompt may go on in standard input, which is read to its end.
    running.child.stdin?.end();
    const { stdout } = await running;
    expect(stdout.trim()).toBe('I am golek-tiny, a 4-million-parameter model that ships with Golek.');
  });

  it('embeds with the shipped model', { timeout: 60_000 }, async () => {
    const program = `import { createPortableRuntime } from '@golek/portable-runtime';
      await using golek = await createPortableRuntime();
      process.stdout.write(String((await golek.embed(['Hello!']))[0].length));`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', program], { cwd: project });
    expect(stdout.trim()).toBe('512');
  });
});
