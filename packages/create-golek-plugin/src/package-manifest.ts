import type { Template } from './templates.ts';
import { GOLEK_VERSION, TOOL_VERSIONS } from './versions.ts';

const DESCRIPTIONS: Readonly<Record<Template, string>> = {
  transform: 'Plugin for Golek: shouts, and says how often',
  authenticator: 'Plugin for Golek: knows callers by the header x-api-key',
  provider: 'Plugin for Golek: models that repeat what they are told',
};

/** What the code of each template imports beside the contract of plugins. */
const IMPORTS: Readonly<Record<Template, readonly string[]>> = {
  transform: [],
  authenticator: ['@golek/api'],
  provider: ['@golek/providers-spi'],
};

const at = (version: string, names: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.toSorted().map((name) => [name, version]));

/** The package.json of a new plugin. Every version is exact. */
export const packageManifest = (name: string, template: Template): object => ({
  name,
  version: '0.1.0',
  description: DESCRIPTIONS[template],
  type: 'module',
  engines: { node: '>=24' },
  exports: { '.': { types: './dist/index.d.ts', default: './dist/index.js' } },
  files: ['dist'],
  golek: { plugin: './dist/index.js' },
  scripts: {
    build: 'tsc',
    dev: 'tsc --watch --preserveWatchOutput',
    test: 'node --test "test/**/*.test.ts"',
    prepack: 'npm run build',
  },
  // The runtime that loads the plugin brings its own.
  peerDependencies: at(`^${GOLEK_VERSION}`, ['@golek/plugins-api', ...IMPORTS[template]]),
  devDependencies: {
    ...at(GOLEK_VERSION, ['@golek/api', '@golek/kernel', '@golek/plugins-api', '@golek/providers-spi']),
    ...TOOL_VERSIONS,
  },
});
