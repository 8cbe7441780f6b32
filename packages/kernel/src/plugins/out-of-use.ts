import type { PluginManagerOptions } from './plugin-settings.ts';

/** Waits until what was taken out is out of use, within bounds: a call that never ends must not keep a plugin for ever. */
export const outOfUse = async (
  drained: Promise<void>,
  what: string,
  { settings, log }: PluginManagerOptions,
  closing: AbortSignal,
): Promise<void> => {
  const { drainLimitMs, stopLimitMs } = settings();
  const late = Promise.withResolvers<'late'>();
  const give = (): void => late.resolve('late');
  let timer = setTimeout(give, closing.aborted ? Math.min(stopLimitMs, drainLimitMs) : drainLimitMs);
  const hurry = (): void => {
    clearTimeout(timer);
    timer = setTimeout(give, stopLimitMs);
  };
  closing.addEventListener('abort', hurry, { once: true });
  try {
    if ((await Promise.race([drained, late.promise])) === 'late') {
      log.warn({ plugin: what }, 'calls still use a plugin that was taken out; it is stopped all the same');
    }
  } catch (err) {
    log.error({ plugin: what, err }, 'what a plugin had added was not given back well');
  } finally {
    clearTimeout(timer);
    closing.removeEventListener('abort', hurry);
  }
};
