import { expect, test } from 'vitest';
import { availableBytes, readMemoryState, type MemoryState } from './memory-state.ts';

const GiB = 2 ** 30;
const machine: MemoryState = {
  machineFree: 10 * GiB,
  machineTotal: 16 * GiB,
  groupLimit: 2 ** 63,
  groupFree: 10 * GiB,
  groupFileCache: 0,
};

test('without a limit of its group a process may take what the machine has', () => {
  expect(availableBytes(machine)).toBe(10 * GiB);
});

test('a limit counts, and file cache that nothing uses does not', () => {
  const limited = { ...machine, groupLimit: 4 * GiB, groupFree: 1 * GiB, groupFileCache: 2 * GiB };
  expect(availableBytes(limited)).toBe(3 * GiB);
  expect(availableBytes({ ...limited, groupFileCache: 100 * GiB })).toBe(4 * GiB);
  expect(availableBytes({ ...limited, machineFree: GiB / 2 })).toBe(GiB / 2);
});

test('this machine tells its state', async () => {
  const available = availableBytes(await readMemoryState());
  expect(available).toBeGreaterThan(50 * 2 ** 20);
});
