import type { PlatformModel } from './platform-model.ts';
import type { LeftOutModel, Selection } from './select-listed.ts';

export interface ModelOrigins<Own extends PlatformModel> {
  /** Those of `models.list`. */
  readonly configured: readonly PlatformModel[];
  /** Names of routes and aliases. */
  readonly routes: readonly string[];
  /** Files that were found, and the bundled models. */
  readonly own: readonly Own[];
  /** What upstreams list, in the order of the configuration. */
  readonly listed: readonly Selection[];
}

export interface ServedModels<Own extends PlatformModel> {
  readonly own: readonly Own[];
  readonly listed: readonly PlatformModel[];
  /** Listed models that are not served, and why. */
  readonly leftOut: readonly LeftOutModel[];
}

/**
 * Decides which models there are beside those of `models.list`. A name belongs to whom the operator gave it, `models.list` or a route, then to a model of this machine, then to the
 * first upstream that lists it. A listed model that `models.list` names is not served a second time.
 */
export const servedModels = <Own extends PlatformModel>({
  configured,
  routes,
  own,
  listed,
}: ModelOrigins<Own>): ServedModels<Own> => {
  const holders = new Map(routes.map((name) => [name, 'a route']));
  for (const { source } of configured) holders.set(source.name, "a model of 'models.list'");
  const kept = own.filter(({ source }) => holders.get(source.name) !== "a model of 'models.list'");
  for (const { source } of kept) holders.set(source.name, 'a model of this machine');
  const named = new Set(configured.map(placeOf));
  const models: PlatformModel[] = [];
  const leftOut: LeftOutModel[] = [];
  for (const selection of listed) {
    const { upstream } = selection;
    leftOut.push(...selection.leftOut);
    for (const model of selection.models) {
      if (named.has(placeOf(model))) continue;
      const { name } = model.source;
      const holder = holders.get(name);
      if (holder === undefined) {
        models.push(model);
        holders.set(name, `a model of the upstream '${upstream}'`);
      } else {
        const reason = `${holder} has its name; set 'models.prefix' of the upstream '${upstream}', or exclude it`;
        leftOut.push({ upstream, model: name, reason });
      }
    }
  }
  return { own: kept, listed: models, leftOut };
};

const placeOf = ({ provider = '', source: { location } }: PlatformModel): string =>
  JSON.stringify([provider, location]);
