// Run in a process of its own by the check of the binding: a binary that does not fit this machine ends its process.
import { GolekError } from '@golek/api';
import { reportBinding } from '@golek/provider-gguf';

const answer = await reportBinding().then(
  (report) => ({ report }),
  (thrown: unknown) => ({ error: GolekError.from(thrown).toJSON() }),
);
process.send?.(answer);
process.disconnect?.();
