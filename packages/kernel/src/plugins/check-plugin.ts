import { GolekError } from '@golek/api';
import type { Plugin } from '@golek/plugins-api';
import { valid, validRange } from 'semver';

const NAME = /^[a-z0-9@][a-z0-9._/@-]{0,127}$/;

const invalid = (origin: string, what: string): GolekError =>
  new GolekError('plugin_invalid', `${origin} is no usable plugin: ${what}`, { details: { origin } });

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

const checkRequires = (requires: unknown, refuse: (what: string) => GolekError): void => {
  if (requires === undefined) return;
  if (!isRecord(requires)) throw refuse("'requires' must be an object of names and version ranges");
  for (const [name, range] of Object.entries(requires)) {
    if (typeof range !== 'string' || validRange(range) === null) {
      throw refuse(`'requires.${name}' is '${String(range)}', which is no version range such as '^1.2.0'`);
    }
  }
};

/** Makes sure that a value is a plugin of the expected name. Throws `plugin_invalid` that says what is wrong with it. */
export const checkPlugin = (value: unknown, name: string, origin: string): Plugin => {
  const refuse = (what: string): GolekError => invalid(origin, what);
  if (!isRecord(value)) throw refuse('export definePlugin({ name, version, setup }) as default');
  const { name: own, version, golek, requires, options, setup } = value;
  if (typeof own !== 'string' || !NAME.test(own)) {
    throw refuse(`its name is '${String(own)}'; use 1 to 128 lower-case letters, digits, '-', '.', '_', '/', '@'`);
  }
  if (own !== name) {
    throw refuse(
      `it is named '${own}' and its place says '${name}'; rename the plugin, the file, or set golek.name in its package.json`,
    );
  }
  if (typeof version !== 'string' || valid(version) === null) {
    throw refuse(`its version is '${String(version)}', which is no semantic version such as '1.0.0'`);
  }
  if (golek !== undefined && (typeof golek !== 'string' || validRange(golek) === null)) {
    throw refuse(
      `'golek' is '${typeof golek === 'string' ? golek : typeof golek}', which is no version range such as '^1.0.0'`,
    );
  }
  checkRequires(requires, refuse);
  if (options !== undefined && typeof options !== 'function') throw refuse("'options' must be a function");
  if (typeof setup !== 'function') throw refuse("it has no function 'setup'");
  return value as unknown as Plugin;
};
