import { ErrorData } from '@golek/api';
import type { ModelEntry } from '@golek/kernel';
import { z } from 'zod';
import type { HealthProblem } from '../http/index.ts';
import type { FailedModel } from './inspect-models.ts';
import type { LeftOutModel } from './select-listed.ts';
import type { UpstreamListStatus } from './upstream-lists.ts';

/** What became of the models that a service lists, as the administration shows it. */
const UpstreamState = z
  .strictObject({
    upstream: z.string(),
    models: z.array(z.string()).describe('Names of the listed models that are served.'),
    unusable: z
      .array(z.strictObject({ model: z.string(), error: ErrorData.pick({ code: true, message: true }) }))
      .describe('Those that the service does not let be looked at; they are tried again with each list.'),
    leftOut: z
      .array(z.strictObject({ model: z.string(), reason: z.string() }))
      .describe('Those that are not served under their name, and why.'),
    listedAt: z.string().optional().describe('When the list was read the last time.'),
    error: ErrorData.pick({ code: true, message: true })
      .optional()
      .describe('Why it could not be read after that; the models of the list before stay.'),
  })
  .meta({ id: 'UpstreamState' });

export const UpstreamStates = z.strictObject({ upstreams: z.array(UpstreamState) }).meta({ id: 'UpstreamStates' });
export type UpstreamStates = z.infer<typeof UpstreamStates>;

export const upstreamStates = (
  lists: readonly UpstreamListStatus[],
  leftOut: readonly LeftOutModel[],
  failed: readonly FailedModel[],
  entries: readonly ModelEntry[],
): UpstreamStates => {
  const served = new Map(
    entries.map(({ manifest, source }) => [manifest.name, { ...source, provider: manifest.provider }]),
  );
  return {
    upstreams: lists.map(({ upstream, selection, listedAt, failure }) => {
      const listed = new Map(selection?.models.map(({ source }) => [source.name, source.location]));
      const isListed = (name: string, location: string, provider: string | undefined): boolean =>
        provider === upstream && listed.get(name) === location;
      return {
        upstream,
        models: [...listed].flatMap(([name]) => {
          const entry = served.get(name);
          return entry && isListed(name, entry.location, entry.provider) ? [name] : [];
        }),
        unusable: failed
          .filter(({ model: { source, provider } }) => isListed(source.name, source.location, provider))
          .map(({ model, error: { code, message } }) => ({ model: model.source.name, error: { code, message } })),
        leftOut: leftOut.filter((left) => left.upstream === upstream).map(({ model, reason }) => ({ model, reason })),
        ...(listedAt && { listedAt: listedAt.toISOString() }),
        ...(failure && { error: { code: failure.code, message: failure.message } }),
      };
    }),
  };
};

/** Lists that cannot be read, for GET /health/ready. */
export const listProblems = (lists: readonly UpstreamListStatus[]): readonly HealthProblem[] =>
  lists.flatMap(({ upstream, failure }) => {
    if (!failure) return [];
    const reason = `its list of models cannot be read: ${failure.message}`;
    return [{ part: 'upstream', name: upstream, status: 'degraded' as const, reason }];
  });
