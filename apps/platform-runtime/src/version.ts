import { readFileSync } from 'node:fs';

// src/ and dist/ are both beside package.json.
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  readonly version: string;
};

/** Version of the platform, as in its package.json. */
export const VERSION = version;
