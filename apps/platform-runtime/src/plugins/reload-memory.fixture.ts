import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { ExtensionPoints, EventBus, PluginManager } from '@golek/kernel';
import { SILENT_LOG, type Plugin } from '@golek/plugins-api';
import { loadPlugin } from './load-plugin.ts';

/**
 * Reloads a plugin whose module keeps 400 kB, 500 times, and prints how much more the heap holds at the end than after 50 reloads, in MB. `naive`: with Node's own
 * import, which keeps every version.
 */
const naive = process.argv[2] === 'naive';
const root = mkdtempSync(path.join(tmpdir(), 'golek-memory-'));
const file = path.join(root, 'p.ts');
const helper = path.join(root, 'table.mjs');
writeFileSync(helper, 'export const table = Array.from({ length: 50_000 }, () => Math.random());');

const write = (version: number): void =>
  writeFileSync(
    file,
    `import { table } from './table.mjs${naive ? `?v=${version}` : ''}';
const own: number = table.length;
export default { name: 'p', version: '1.0.${version}', setup(host) {
  host.transform({ name: 't', request: (request) => ({ request }), stream: () => ({ event: (event) => [event, own].slice(0, 1) }) });
  host.route({ method: 'GET', path: '/p', handle: () => ({ body: String(table[0]) }) });
  host.on(['plugin.replaced'], () => table.length);
  host.health(() => ({ status: 'ok' }));
  host.onStop(() => table.length);
} };`,
  );

const heapMb = async (): Promise<number> => {
  // What is retired is released a few turns later; collecting again reaches what finalizers held. The last resort also empties V8's cache of compiled code, from which
  // nothing else is let go as long as memory is not short: 5 kB for each reload.
  for (let round = 0; round < 3; round++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  }
  return process.memoryUsage().heapUsed / 1e6;
};

const extensions = new ExtensionPoints();
const events = new EventBus({ node: 'test', log: SILENT_LOG, historyLimit: 16 });
const settings = {
  startLimitMs: 60_000,
  stopLimitMs: 60_000,
  drainLimitMs: 60_000,
  healthLimitMs: 60_000,
  options: {},
};
const manager = new PluginManager({
  extensions,
  events,
  log: SILENT_LOG,
  settings: () => settings,
  infer: () => {
    throw new Error('not asked');
  },
});
let version = 0;
const entry = { name: 'p', file, root, kind: 'file', isolated: false } as const;
manager.declare({
  name: 'p',
  origin: file,
  load: async (signal) => {
    if (!naive) return loadPlugin(entry, { signal, reads: () => undefined });
    const module = (await import(`${pathToFileURL(file).href}?v=${version}`)) as { default: Plugin };
    return { plugin: module.default };
  },
});

const reloadUntil = async (last: number): Promise<void> => {
  for (; version < last; version++) {
    write(version);
    await manager.reload('p');
    await manager.checkHealth();
  }
};

try {
  await reloadUntil(50);
  const before = await heapMb();
  await reloadUntil(550);
  const after = await heapMb();
  const { replacements, version: running } = manager.status('p');
  const rssMb = process.memoryUsage().rss / 1e6;
  process.stdout.write(JSON.stringify({ grownMb: after - before, heapMb: after, rssMb, replacements, running }));
} finally {
  await manager[Symbol.asyncDispose]();
  rmSync(root, { recursive: true, force: true });
}
