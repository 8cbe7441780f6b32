import { existsSync, readFileSync } from 'node:fs';

/** Whether memory comes in large pages here: fewer look-ups of addresses while an engine reads all of its weights for each token. */
export interface HugePages {
  /** Of the kernel's transparent huge pages; undefined where the system knows none. */
  readonly mode: 'always' | 'madvise' | 'never' | undefined;
  /** Version of the GNU C library, which asks for them from 2.35 on; undefined with another library. */
  readonly glibc: string | undefined;
  /** Engine processes get them. */
  readonly used: boolean;
  /** For people. */
  readonly why: string;
}

/** What engine processes need in their environment so that the C library asks for large pages. */
export const HUGE_PAGE_ENVIRONMENT = { GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1' } as const;

const SETTING = '/sys/kernel/mm/transparent_hugepage/enabled';
const MODES = ['always', 'madvise', 'never'] as const;

/** Reads what this machine does. */
export const readHugePages = (): HugePages => {
  const setting = existsSync(SETTING) ? readFileSync(SETTING, 'utf8') : '';
  const { header } = process.report.getReport() as { readonly header: { readonly glibcVersionRuntime?: string } };
  return hugePagesOf(setting, header.glibcVersionRuntime);
};

/** `setting`: what the kernel says (`always [madvise] never`). */
export const hugePagesOf = (setting: string, glibc: string | undefined): HugePages => {
  const chosen = /\[(\w+)\]/.exec(setting)?.[1];
  const mode = MODES.find((one) => one === chosen);
  return { mode, glibc, ...useOf(mode, glibc) };
};

const useOf = (mode: HugePages['mode'], glibc: string | undefined): Pick<HugePages, 'used' | 'why'> => {
  if (mode === 'always') return { used: true, why: 'the system gives them to every process' };
  if (mode === undefined) return { used: false, why: 'this system has no transparent huge pages' };
  if (mode === 'never') return { used: false, why: `the system gives none: ${SETTING} says never` };
  if (asksForThem(glibc)) return { used: true, why: 'engine processes ask for them' };
  const library = glibc === undefined ? 'another C library than glibc' : `glibc ${glibc}, before 2.35,`;
  return { used: false, why: `${library} does not ask for them, and ${SETTING} says madvise` };
};

const asksForThem = (version: string | undefined): boolean => {
  const [major = 0, minor = 0] = (version ?? '').split('.').map(Number);
  return major > 2 || (major === 2 && minor >= 35);
};
