import type { PluginStatus } from '@golek/kernel';
import type { HealthProblem } from '../http/index.ts';

type Known = Pick<PluginStatus, 'name' | 'state' | 'health' | 'lastError'>;

/** Plugins that do not work as they should, for GET /health/ready. */
export const pluginProblems = (plugins: readonly Known[]): readonly HealthProblem[] => plugins.flatMap(problemOf);

const problemOf = ({ name, state, health, lastError }: Known): HealthProblem[] => {
  const problem = (status: HealthProblem['status'], reason: string): HealthProblem[] => [
    { part: 'plugin', name, status, reason },
  ];
  if (state === 'failed') return problem('down', lastError?.message ?? 'it failed');
  if (health && health.status !== 'ok') return problem(health.status, health.reason ?? 'it says so itself');
  // The version before goes on.
  if (lastError) return problem('degraded', lastError.message);
  return [];
};
