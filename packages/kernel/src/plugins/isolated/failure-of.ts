import { ErrorData, GolekError } from '@golek/api';

/** The error that a plugin's process reports: the code is the plugin's choice, the message names the plugin where it failed by itself. */
export const failureOf = (reported: unknown, plugin: string): GolekError => {
  const parsed = ErrorData.safeParse(reported);
  if (!parsed.success) return new GolekError('plugin_failed', `plugin '${plugin}': it failed and cannot say how`);
  const error = GolekError.fromData(parsed.data);
  if (error.code !== 'plugin_failed') return error;
  return new GolekError('plugin_failed', `plugin '${plugin}': ${error.message}`, {
    details: { ...error.details, plugin },
    ...(error.retryAfter !== undefined && { retryAfter: error.retryAfter }),
  });
};
