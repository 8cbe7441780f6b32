import { syncBuiltinESMExports } from 'node:module';
import os from 'node:os';

const refused = (name: string) => (): never => {
  const error = new Error(`${name} is not available to a plugin in a process of its own`);
  throw Object.assign(error, { code: 'ERR_ACCESS_DENIED' });
};

/** Closes what Node's permission model leaves open toward other processes of the same user: signals, the debugger and priorities. */
export const lockDown = (): void => {
  for (const name of ['kill', '_kill', '_debugProcess', '_debugEnd']) {
    Object.defineProperty(process, name, { value: refused(`process.${name}`), configurable: false });
  }
  Object.defineProperty(os, 'setPriority', { value: refused('os.setPriority'), configurable: false });
  syncBuiltinESMExports();
  // Absent where this Node cannot take a right back; then it was not given.
  const { permission } = process as { readonly permission?: { readonly drop?: (scope: string) => void } };
  permission?.drop?.('worker');
};
