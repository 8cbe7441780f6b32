import { readFileSync } from 'node:fs';

const own = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  readonly version: string;
};

/** Version of this package, which all packages of Golek share. */
export const GOLEK_VERSION = own.version;

/** What a plugin is built with; the versions that this repository uses, which a test keeps so. */
export const TOOL_VERSIONS = { '@types/node': '26.6.6', typescript: '6.0.3' } as const;
