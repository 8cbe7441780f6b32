import { arch, cpus, platform, totalmem } from 'node:os';
import { chooseThreads } from '@golek/provider-gguf';
import { bytesText } from '../model-table.ts';
import { fail, ok, warn, type Check } from './check.ts';

const NEEDED_NODE = 24;
/** Less leaves no room for a useful model beside the server. */
const LITTLE_MEMORY = 1_000_000_000;

const nodeCheck: Check = {
  name: 'node',
  run: async () => {
    const detail = `${process.version} on ${platform()} ${arch()}, ${process.execPath}`;
    if (Number.parseInt(process.versions.node, 10) >= NEEDED_NODE) return ok(detail);
    return fail(detail, `Install Node ${NEEDED_NODE} or newer.`);
  },
};

const memoryCheck: Check = {
  name: 'memory',
  run: async () => {
    const total = totalmem();
    const limit = process.constrainedMemory();
    const available = process.availableMemory();
    const group = limit > 0 && limit < total ? `, limited to ${bytesText(limit)} by the control group` : '';
    const detail = `${bytesText(available)} available of ${bytesText(total)}${group}`;
    if (available >= LITTLE_MEMORY) return ok(detail);
    return warn(detail, 'Only small models will load: free memory, or raise the limit of the container.');
  },
};

const coresCheck: Check = {
  name: 'cores',
  run: async () => {
    const { threads, why } = chooseThreads();
    const model = cpus()[0]?.model.trim();
    return ok(`${threads} ${threads === 1 ? 'thread' : 'threads'} for each model (${why})${model ? `, ${model}` : ''}`);
  },
};

export const MACHINE_CHECKS: readonly Check[] = [nodeCheck, memoryCheck, coresCheck];
