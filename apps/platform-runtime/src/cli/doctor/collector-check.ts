import { connect } from 'node:net';
import { telemetryConfig } from '../../config/telemetry-config.ts';
import type { PlatformSettings } from '../../config/platform-config.ts';
import { ok, warn, type Check } from './check.ts';

const LIMIT_MS = 3_000;

/** Why nobody takes a connection there; undefined: somebody does. */
const unreachable = ({ hostname, port, protocol }: URL): Promise<string | undefined> =>
  new Promise((resolve) => {
    const host = hostname.replace(/^\[|\]$/g, '');
    const socket = connect({ host, port: Number(port) || (protocol === 'https:' ? 443 : 80) });
    const done = (problem?: string): void => {
      socket.destroy();
      resolve(problem);
    };
    socket.setTimeout(LIMIT_MS, () => done(`no answer within ${LIMIT_MS / 1000} s`));
    socket.once('connect', () => done());
    socket.once('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message));
  });

/** Whether somebody listens where traces and metrics go. None when they go nowhere. A server starts without it all the same. */
export const collectorCheck = ({ configuration }: PlatformSettings): readonly Check[] => {
  const { endpoint } = configuration.get(telemetryConfig).otlp;
  if (endpoint === undefined) return [];
  const check: Check = {
    name: 'collector',
    run: async () => {
      const problem = await unreachable(new URL(endpoint));
      if (problem === undefined) return ok(endpoint);
      const remedy = 'Start the collector, or correct telemetry.otlp.endpoint; what cannot be sent is dropped.';
      return warn(`nothing answers at ${endpoint}: ${problem}`, remedy);
    },
  };
  return [check];
};
