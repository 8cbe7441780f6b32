import { GolekError } from '@golek/api';
import { problemText, type ConfigProblem } from './config-source.ts';

const SHOWN_PROBLEMS = 20;
const MAX_PROBLEMS = 1000;

/** One error for all problems of a configuration. */
export const invalidConfiguration = (problems: readonly ConfigProblem[]): GolekError => {
  const shown = problems.slice(0, SHOWN_PROBLEMS);
  const lines = shown.map(problemText);
  if (problems.length > shown.length) lines.push(`and ${problems.length - shown.length} more`);
  const [only = ''] = lines;
  const message =
    lines.length === 1 ? only : `the configuration has ${problems.length} problems:\n  ${lines.join('\n  ')}`;
  return new GolekError('config_invalid', message, { details: { problems: problems.slice(0, MAX_PROBLEMS) } });
};
