import { expect, test } from 'vitest';
import { chooseThreads, readCpuFacts, threadsFor } from './cpu-threads.ts';

/** A machine as its files tell it; recorded ones, shortened to the lines that matter. */
const machine =
  (files: Readonly<Record<string, string>>) =>
  (file: string): string | undefined =>
    files[file];

const topology = (...siblings: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    siblings.map((list, cpu) => [`/sys/devices/system/cpu/cpu${cpu}/topology/thread_siblings_list`, `${list}\n`]),
  );

const status = (list: string): Record<string, string> => ({
  '/proc/self/status': `Name:\tnode\nCpus_allowed:\tff\nCpus_allowed_list:\t${list}\nMems_allowed:\t1\n`,
});

const facts = (files: Readonly<Record<string, string>>, parallelism = 8) => readCpuFacts(machine(files), parallelism);

test('two processors of one core are one core', () => {
  const files = { ...status('0-7'), ...topology('0,4', '1,5', '2,6', '3,7', '0,4', '1,5', '2,6', '3,7') };
  expect(facts(files)).toEqual({ logical: 8, physical: 4, quota: undefined });
  expect(threadsFor(facts(files))).toMatchObject({
    threads: 3,
    most: 8,
    why: '4 physical cores of 8 processors, less one',
  });
});

test('the affinity mask counts: taskset to both processors of one core', () => {
  const files = { ...status('0,4'), ...topology('0,4', '1,5', '2,6', '3,7', '0,4', '1,5', '2,6', '3,7') };
  expect(threadsFor(facts(files))).toMatchObject({ logical: 2, physical: 1, threads: 1 });
});

test('without /sys the processors tell their core', () => {
  const cpu = (processor: number, core: number, socket: number): string =>
    `processor\t: ${processor}\nphysical id\t: ${socket}\nsiblings\t: 2\ncore id\t\t: ${core}\ncpu cores\t: 1\n`;
  const files = {
    ...status('0-3'),
    '/proc/cpuinfo': [cpu(0, 0, 0), cpu(1, 0, 0), cpu(2, 0, 1), cpu(3, 1, 1)].join('\n'),
  };
  expect(facts(files)).toMatchObject({ logical: 4, physical: 3 });
});

test('where nothing tells of cores, processors count', () => {
  expect(facts(status('0-3'))).toEqual({ logical: 4, physical: undefined, quota: undefined });
  // An ARM /proc/cpuinfo names no cores.
  expect(facts({ ...status('0-3'), '/proc/cpuinfo': 'processor\t: 0\nBogoMIPS\t: 48.00\n' }).physical).toBeUndefined();
  // Neither macOS nor Windows has /proc.
  expect(threadsFor(facts({}, 10))).toMatchObject({ logical: 10, threads: 9, why: '10 processors, less one' });
});

const eight = { ...status('0-7'), ...topology('0', '1', '2', '3', '4', '5', '6', '7') };

test('a quota of version 2: the tightest of the group and those above it', () => {
  const files = {
    ...eight,
    '/proc/self/cgroup': '0::/kubepods.slice/pod1.slice/c1.scope\n',
    '/sys/fs/cgroup/kubepods.slice/pod1.slice/c1.scope/cpu.max': 'max 100000\n',
    '/sys/fs/cgroup/kubepods.slice/pod1.slice/cpu.max': '350000 100000\n',
    '/sys/fs/cgroup/kubepods.slice/cpu.max': '600000 100000\n',
  };
  expect(facts(files).quota).toBe(3.5);
  expect(threadsFor(facts(files))).toMatchObject({
    threads: 2,
    most: 3,
    why: '8 cores, 3.5 granted by the control group, less one',
  });
});

test('in a container with its own namespace the root of what is mounted tells', () => {
  const files = { ...eight, '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': '50000 100000\n' };
  expect(threadsFor(facts(files))).toMatchObject({ quota: 0.5, threads: 1 });
});

test('a quota of version 1, also where the path is one of the host', () => {
  const files = {
    ...eight,
    '/proc/self/cgroup': '4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n',
    '/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '400000\n',
    '/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000\n',
  };
  expect(threadsFor(facts(files))).toMatchObject({ quota: 4, threads: 3 });
  const unlimited = { ...files, '/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '-1\n' };
  expect(facts(unlimited).quota).toBeUndefined();
});

test('a quota above the cores changes nothing, and one core is used in full', () => {
  const files = { ...eight, '/sys/fs/cgroup/cpu.max': '1600000 100000\n' };
  expect(threadsFor(facts(files))).toMatchObject({ threads: 7, most: 8, why: '8 cores, less one' });
  expect(threadsFor({ logical: 1, physical: 1, quota: undefined })).toMatchObject({ threads: 1, why: '1 core' });
});

test('this machine', () => {
  const { threads, logical } = chooseThreads();
  expect(threads).toBeGreaterThanOrEqual(1);
  expect(threads).toBeLessThanOrEqual(Math.max(1, logical - 1));
  expect(logical).toBeGreaterThanOrEqual(1);
});
