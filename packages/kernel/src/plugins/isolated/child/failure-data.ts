import { GolekError } from '@golek/api/plain';
import type { ErrorData } from '@golek/api';

/** What a plugin threw, as data. Its GolekError keeps the code; anything else becomes `plugin_failed`. */
export const failureData = (thrown: unknown): ErrorData =>
  (thrown instanceof GolekError
    ? thrown
    : new GolekError('plugin_failed', thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown))
  ).toJSON();
