import { GolekError, SILENT_LOG } from '@golek/api';
import {
  ConfigurationManager,
  readStored,
  STORED_PREFIX,
  tenantsConfig,
  type ConfigChange,
  type ConfigExplanation,
} from '@golek/system';
import type { Command } from 'commander';
import type { PlatformSettings } from '../config/platform-config.ts';
import { adminRequest, serverAnswers } from './admin-client.ts';
import { settingsOf } from './common-options.ts';

/** What a written setting did, and who wrote it. */
export interface Written extends ConfigChange {
  /** False: no server of this data folder runs, so that it takes effect at the next start. */
  readonly running: boolean;
}

/** Where `golek config` reads and writes settings. */
export interface ConfigTarget {
  list(tenant: string | undefined): Promise<readonly ConfigExplanation[]>;
  explain(key: string, tenant: string | undefined): Promise<ConfigExplanation>;
  set(key: string, value: unknown, expectedRevision: string | undefined): Promise<Written>;
  unset(key: string, expectedRevision: string | undefined): Promise<Written>;
  /** Sets a key for one tenant; undefined removes it. */
  setForTenant(tenant: string, key: string, value: unknown): Promise<Written>;
}

/** The settings as file, environment, flags and store give them, without a server. */
export const filesTarget = (
  { configuration, store }: PlatformSettings,
  signal: AbortSignal,
): ConfigTarget & AsyncDisposable => {
  const manager = new ConfigurationManager({ configuration, store, log: SILENT_LOG, publish: () => undefined });
  const written = async (change: Promise<ConfigChange>): Promise<Written> => ({ ...(await change), running: false });
  return {
    list: async (tenant) => manager.list({ tenant }),
    explain: async (key, tenant) => configuration.explain(key, { tenant }),
    set: (key, value, expectedRevision) => written(manager.set(key, value, { signal, expectedRevision })),
    unset: (key, expectedRevision) => written(manager.unset(key, { signal, expectedRevision })),
    setForTenant: (tenant, key, value) =>
      written(manager.change(tenantsConfig.name, (present) => withTenant(present, tenant, key, value), { signal })),
    [Symbol.asyncDispose]: () => manager[Symbol.asyncDispose](),
  };
};

/** The settings of the running server. */
export const serverTarget = ({ configuration }: PlatformSettings, signal: AbortSignal): ConfigTarget => {
  const ask = (method: 'GET' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<unknown> =>
    adminRequest(configuration, { method, path: `/config${path}`, body, signal });
  const pathOf = (key: string): string => `/${encodeURIComponent(key)}`;
  const query = (name: string, value: string | undefined): string =>
    value === undefined ? '' : `?${name}=${encodeURIComponent(value)}`;
  const written = async (answer: Promise<unknown>): Promise<Written> => ({
    ...((await answer) as ConfigChange),
    running: true,
  });
  return {
    list: async (tenant) => ((await ask('GET', query('tenant', tenant))) as { settings: ConfigExplanation[] }).settings,
    explain: async (key, tenant) => (await ask('GET', pathOf(key) + query('tenant', tenant))) as ConfigExplanation,
    set: (key, value, expectedRevision) => written(ask('PUT', pathOf(key), { value, expectedRevision })),
    unset: (key, expectedRevision) => written(ask('DELETE', pathOf(key) + query('expectedRevision', expectedRevision))),
    setForTenant: async (tenant, key, value) => {
      const path = pathOf(tenantsConfig.name);
      const { value: present, revision = null } = (await ask('GET', path)) as ConfigExplanation;
      return written(ask('PUT', path, { value: withTenant(present, tenant, key, value), expectedRevision: revision }));
    },
  };
};

const withTenant = (present: unknown, tenant: string, key: string, value: unknown): unknown => {
  const tenants = new Map(Object.entries((present ?? {}) as Record<string, Record<string, unknown>>));
  const own = new Map(Object.entries(tenants.get(tenant) ?? {}));
  if (value === undefined) own.delete(key);
  else own.set(key, value);
  if (own.size === 0) tenants.delete(tenant);
  else tenants.set(tenant, Object.fromEntries(own));
  return Object.fromEntries(tenants);
};

/** The server, when one runs with this data folder; else the files. */
export const writingTarget = async (settings: PlatformSettings, signal: AbortSignal): Promise<ConfigTarget> => {
  if (!(await serverAnswers(settings.configuration, signal))) return filesTarget(settings, signal);
  const { home } = (await adminRequest(settings.configuration, { method: 'GET', path: '/config', signal })) as {
    home?: string;
  };
  return home === settings.data.root ? serverTarget(settings, signal) : filesTarget(settings, signal);
};

/** Removes a stored setting of a configuration that is invalid, maybe because of it. */
export const removeStored = async (command: Command, key: string, signal: AbortSignal): Promise<Written> => {
  const { configuration, store } = await settingsOf(command, [], { stored: false });
  const { values } = await readStored(store, signal);
  if (!values.has(key) && !configuration.keys.some((known) => known.key === key)) {
    throw new GolekError('invalid_request', `no setting is named '${key}', and none is stored under that name`);
  }
  if (values.has(key)) await store.delete(STORED_PREFIX + key, { signal });
  return { changed: values.has(key) ? [key] : [], restart: [], running: false };
};
