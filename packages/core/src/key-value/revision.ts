import { GolekError, type StoredValue } from '@golek/api';

/** Throws `conflict` unless the stored revision is the expected one (`null`: none; absent: any). */
export const refuseOtherRevision = (
  key: string,
  stored: StoredValue | undefined,
  expected: string | null | undefined,
): void => {
  if (expected === undefined || expected === (stored?.revision ?? null)) return;
  throw new GolekError(
    'conflict',
    `'${key}' was changed meanwhile: expected revision ${expected ?? 'none'}, stored is ${stored?.revision ?? 'none'}`,
    { details: { key, revision: stored?.revision ?? null } },
  );
};
