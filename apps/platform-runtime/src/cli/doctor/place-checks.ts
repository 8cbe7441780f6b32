import { createServer } from 'node:net';
import type { DataFolder } from '@golek/core';
import { discoverPlugins } from '@golek/kernel';
import type { PlatformSettings } from '../../config/platform-config.ts';
import { httpConfig } from '../../config/http-config.ts';
import { pluginPlaces } from '../../plugins/plugin-places.ts';
import { fail, ok, warn, type Check } from './check.ts';

/** Listens for a moment, to see whether it can. */
const tryListen = (host: string, port: number): Promise<NodeJS.ErrnoException | undefined> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', resolve);
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });

export const portCheck = ({ configuration }: PlatformSettings): Check => ({
  name: 'port',
  run: async () => {
    const { host, port } = configuration.get(httpConfig);
    const error = await tryListen(host, port);
    if (!error) return ok(`${host}:${port} is free`);
    const remedy = 'Stop the program that uses it, or choose another with --port or http.port.';
    return fail(`cannot listen on ${host}:${port}: ${error.code ?? error.message}`, remedy);
  },
});

export const dataFolderCheck = (data: DataFolder): Check => ({
  name: 'data folder',
  run: async () => {
    const { root, exists, writable, problem } = await data.check();
    if (!writable)
      return fail(
        `${root}: ${problem ?? 'not writable'}`,
        'Correct its rights, or choose another with --home or GOLEK_HOME.',
      );
    if (problem !== undefined) return warn(`${root}: ${problem}`, `Run: chmod 700 ${root}`);
    return ok(exists ? root : `${root} (will be made when it is needed)`);
  },
});

/** Finds plugins as a server would, and runs none of them. */
export const pluginsCheck = ({ configuration, data, configFile }: PlatformSettings): Check => ({
  name: 'plugins',
  run: async () => {
    const { entries, problems } = await discoverPlugins(
      pluginPlaces(configuration, { home: data.root, file: configFile }),
    );
    const [first] = problems;
    if (first !== undefined) return warn(first.message, 'See: golek plugins list');
    return ok(entries.length === 0 ? 'none' : entries.map(({ name }) => name).join(', '));
  },
});
