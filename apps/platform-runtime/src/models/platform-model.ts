import { isDeepStrictEqual } from 'node:util';
import type { ModelSource } from '@golek/providers-spi';

/** A model that a platform shall serve. */
export interface PlatformModel {
  readonly source: ModelSource;
  /** Id of the provider that runs it. Absent: the provider that opens the format of its file. */
  readonly provider?: string;
}

export const sameModel = (one: PlatformModel, other: PlatformModel): boolean =>
  one.provider === other.provider && isDeepStrictEqual(one.source, other.source);
