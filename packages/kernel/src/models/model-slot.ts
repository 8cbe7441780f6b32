import type { GolekError } from '@golek/api';
import type { ModelSession, Provider } from '@golek/providers-spi';

export type ModelState = 'unloaded' | 'loading' | 'ready' | 'failed' | 'unloading';

/** A model's place in the pool: its session and everything about its life. Changed by the pool alone. */
export interface ModelSlot {
  readonly model: string;
  state: ModelState;
  progress: number;
  /** Runs elsewhere: takes no memory here. */
  remote: boolean;
  /** What opened the session, or is opening it. */
  provider: Provider | undefined;
  session: ModelSession | undefined;
  /** The load in progress, shared by all who wait for it. */
  opening: Promise<ModelSession> | undefined;
  /** Ends the load when the provider is taken out. */
  readonly retired: AbortController;
  /** The unload in progress. */
  closing: Promise<void> | undefined;
  failure: { readonly error: GolekError; readonly until: number } | undefined;
  /** Runs that hold the session. */
  inUse: number;
  /** Those who wait for the load. */
  wanted: number;
  /** Milliseconds of `performance.now()`. */
  openedAt: number;
  /** Since when nobody uses it, milliseconds of `performance.now()`. */
  idleSince: number;
  /** Unloads it. */
  timer: NodeJS.Timeout | undefined;
  /** What a caller asked for in place of the setting, until it is unloaded. */
  keepAliveMs: number | undefined;
  /** Told when the last run has ended. */
  idle: (() => void) | undefined;
}

export const emptySlot = (model: string): ModelSlot => ({
  model,
  state: 'unloaded',
  progress: 0,
  remote: false,
  provider: undefined,
  session: undefined,
  opening: undefined,
  retired: new AbortController(),
  closing: undefined,
  failure: undefined,
  inUse: 0,
  wanted: 0,
  openedAt: 0,
  idleSince: 0,
  timer: undefined,
  keepAliveMs: undefined,
  idle: undefined,
});

/** Open, here, and on no way out. */
export const isResident = ({ session, closing, remote }: ModelSlot): boolean =>
  session !== undefined && closing === undefined && !remote;

/** Nobody holds it or waits for it. */
export const isIdle = ({ inUse, wanted }: ModelSlot): boolean => inUse === 0 && wanted === 0;

/** What the slots need together, bytes; one whose provider cannot tell counts nothing. */
export const memoryOf = (slots: Iterable<ModelSlot>): number => {
  let bytes = 0;
  for (const { session, remote } of slots) if (!remote) bytes += session?.capabilities.memoryBytes ?? 0;
  return bytes;
};

/** The one that nobody has used for the longest time. */
export const leastRecent = (slots: readonly ModelSlot[]): ModelSlot | undefined =>
  slots.reduce<ModelSlot | undefined>(
    (oldest, slot) => (oldest === undefined || slot.idleSince < oldest.idleSince ? slot : oldest),
    undefined,
  );
