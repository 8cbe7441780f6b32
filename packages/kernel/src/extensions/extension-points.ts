import type { Authenticator, HttpRoute, KeyValueStore, PhaseContribution, TelemetryExporter } from '@golek/plugins-api';
import type { Provider } from '@golek/providers-spi';
import { ExtensionPoint, type ExtensionChange } from './extension-point.ts';

/** What can be added to each point. */
export interface Extensions {
  readonly phases: PhaseContribution;
  readonly providers: Provider;
  readonly routes: HttpRoute;
  readonly authenticators: Authenticator;
  readonly exporters: TelemetryExporter;
  readonly stores: KeyValueStore;
}
export type ExtensionKind = keyof Extensions;

/** A change of several points at once. */
export type ExtensionChanges = { readonly [Kind in ExtensionKind]?: ExtensionChange<Extensions[Kind]> };

/** All extension points of a runtime. */
export class ExtensionPoints {
  readonly phases: ExtensionPoint<PhaseContribution>;
  readonly providers: ExtensionPoint<Provider>;
  readonly routes = new ExtensionPoint<HttpRoute>('routes');
  readonly authenticators = new ExtensionPoint<Authenticator>('authenticators');
  readonly exporters = new ExtensionPoint<TelemetryExporter>('exporters');
  readonly stores = new ExtensionPoint<KeyValueStore>('stores');

  constructor({
    phases = [],
    providers = [],
  }: {
    readonly phases?: readonly PhaseContribution[];
    readonly providers?: readonly Provider[];
  } = {}) {
    this.phases = new ExtensionPoint('phases', phases);
    this.providers = new ExtensionPoint('providers', providers);
  }

  /**
   * Changes all points or none, in one step. Throws, with nothing changed, when a point's consumer refuses.
   * @returns a promise that resolves when what was removed is out of use everywhere.
   */
  change(changes: ExtensionChanges): Promise<void> {
    const commits = [
      prepared(this.phases, changes.phases),
      prepared(this.providers, changes.providers),
      prepared(this.routes, changes.routes),
      prepared(this.authenticators, changes.authenticators),
      prepared(this.exporters, changes.exporters),
      prepared(this.stores, changes.stores),
    ];
    return Promise.all(commits.map((commit) => commit())).then(() => undefined);
  }
}

const prepared = <T>(point: ExtensionPoint<T>, change: ExtensionChange<T> | undefined): (() => Promise<void>) => {
  if (!change) return () => Promise.resolve();
  const next = point.preview(change);
  return () => point.commit(next);
};
