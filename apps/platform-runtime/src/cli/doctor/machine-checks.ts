import { readFile } from 'node:fs/promises';
import { arch, availableParallelism, cpus, platform, totalmem } from 'node:os';
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

/** CPUs that the control group grants, version 2; undefined without a limit. */
const cpuQuota = async (): Promise<number | undefined> => {
  const text = await readFile('/sys/fs/cgroup/cpu.max', 'utf8').catch(() => '');
  const [, quota, period] = /^(\d+) (\d+)/.exec(text) ?? [];
  return quota === undefined ? undefined : Number(quota) / Number(period);
};

const coresCheck: Check = {
  name: 'cores',
  run: async () => {
    const usable = availableParallelism();
    const quota = await cpuQuota();
    const model = cpus()[0]?.model.trim();
    const granted = quota === undefined ? '' : `, ${quota} granted by the control group`;
    const detail = `${usable}${granted}${model ? `, ${model}` : ''}`;
    if (quota !== undefined && quota < usable) {
      return warn(
        detail,
        `Set gguf.threads to ${Math.max(1, Math.floor(quota))}: threads beyond the quota make each other wait.`,
      );
    }
    return ok(detail);
  },
};

export const MACHINE_CHECKS: readonly Check[] = [nodeCheck, memoryCheck, coresCheck];
