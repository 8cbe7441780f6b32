import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where node-llama-cpp is installed, its sources in `llama`. */
export const bindingFolder = (): string =>
  path.join(path.dirname(fileURLToPath(import.meta.resolve('node-llama-cpp'))), '..');

/** A dependency of node-llama-cpp, not of ours. */
const HEADERS = 'node-addon-api';

/** Where the C++ headers are that node-llama-cpp is built with. */
export const nodeAddonApiFolder = (): string =>
  path.dirname(createRequire(path.join(bindingFolder(), 'package.json')).resolve(`${HEADERS}/package.json`));
