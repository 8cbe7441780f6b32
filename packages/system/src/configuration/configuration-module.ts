import type { KeyValueStore } from '@golek/api';
import { EVENTS, EXTENSIONS } from '../kernel-module.ts';
import { serviceToken } from '../registry/service-token.ts';
import { LOG } from '../system.ts';
import type { SystemModule } from '../system-module.ts';
import { ConfigurationManager } from './configuration-manager.ts';

/** Changes the configuration while the runtime works. */
export const CONFIGURATION_MANAGER = serviceToken<ConfigurationManager>('configuration manager');

export interface ConfigurationModuleOptions {
  /** Where changed settings are kept until a plugin brings another store. */
  readonly store: KeyValueStore;
  /** Absolute path of the configuration file, which need not exist. Absent: no file is followed. */
  readonly file?: string | undefined;
}

/** Live configuration: a manager that follows file and store. Needs the kernel's module. */
export const configurationModule = ({ store, file }: ConfigurationModuleOptions): SystemModule => ({
  name: 'configuration',
  register: (registrar, { configuration }) => {
    registrar.register({
      token: CONFIGURATION_MANAGER,
      needs: [LOG, EVENTS],
      create: (log, events) =>
        new ConfigurationManager({ configuration, log, publish: (event) => events.publish(event), store, file }),
      start: (manager) => manager.start(),
    });
    // Apart from the manager, so that what phases need may need the manager.
    registrar.register({
      token: serviceToken<Disposable>('configuration store'),
      needs: [CONFIGURATION_MANAGER, EXTENSIONS, LOG],
      create: (manager, { stores }, log) => {
        const ending = new AbortController();
        const consumer = stores.consume({
          apply: (items) => {
            const wanted = items.at(-1) ?? store;
            return manager.useStore(wanted, ending.signal).catch((err: unknown) => {
              if (!ending.signal.aborted)
                log.error({ err, store: wanted.name }, 'the settings of a store were not taken');
            });
          },
        });
        return {
          [Symbol.dispose]: () => {
            consumer[Symbol.dispose]();
            ending.abort();
          },
        };
      },
    });
  },
});
