import { stat } from 'node:fs/promises';
import { registerHooks } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { GolekError } from '@golek/api';

export type Exports = Readonly<Record<string, unknown>>;

/** The runtime's own copy of some packages, by name, so that their classes are the same on both sides. */
export type HostModules = Readonly<Record<string, object>>;

const OWN_FILE = /\.(m?[jt]s|json)$/;

/** Whether an import names a file rather than a package. */
export const isPath = (specifier: string): boolean => /^(\.{1,2}\/|\/|file:)/.test(specifier);

const isFile = async (file: string): Promise<boolean> => (await stat(file).catch(() => undefined))?.isFile() ?? false;

/** The file that an import names; `.js` finds the `.ts` that it is compiled from. Throws `plugin_invalid` when there is none. */
export const resolveFile = async (
  specifier: string,
  importer: string,
  reads: (file: string) => void,
): Promise<string> => {
  const named = specifier.startsWith('file:')
    ? fileURLToPath(specifier)
    : path.resolve(path.dirname(importer), specifier);
  if (!OWN_FILE.test(named)) {
    throw new GolekError(
      'plugin_invalid',
      `${importer} imports '${specifier}'; write the whole name of a .ts, .mts, .js, .mjs or .json file`,
    );
  }
  if (await isFile(named)) return named;
  const source = named.replace(/js$/, 'ts');
  if (source !== named && (await isFile(source))) return source;
  reads(named);
  throw new GolekError('plugin_invalid', `${importer} imports '${specifier}', which does not exist: ${named}`);
};

/** Marks an import that shall be resolved as if it stood in another file: `golek-import:<specifier>?from=<URL>`. */
const FROM_MARK = 'golek-import:';

let hooked = false;

/** Node has no import with a place to look from that can be called, only the hook that such an import passes. */
const hookResolution = (): void => {
  if (hooked) return;
  hooked = true;
  registerHooks({
    resolve: (specifier, context, next) => {
      if (!specifier.startsWith(FROM_MARK)) return next(specifier, context);
      const [name = '', parentURL = ''] = specifier.slice(FROM_MARK.length).split('?from=');
      return next(name, { ...context, parentURL });
    },
  });
};

type NativeImport = (specifier: string) => Promise<object>;

const NATIVE_IMPORT = 'data:text/javascript,export default (specifier) => import(specifier);';

let native: Promise<NativeImport> | undefined;

/** `import()` itself. It stands in a module that no tool has rewritten: vitest replaces the one of this file by its own, which passes no hook. */
const nativeImport = (): Promise<NativeImport> =>
  (native ??= (import(NATIVE_IMPORT) as Promise<{ default: NativeImport }>).then((module) => module.default));

/** Node's own import as if it stood in `file`: packages are looked for from there, with the conditions of import. */
const importFrom = async (specifier: string, file: string): Promise<object> => {
  hookResolution();
  const load = await nativeImport();
  return load(`${FROM_MARK}${specifier}?from=${pathToFileURL(file).href}`);
};

/** A module's exports in the form that transformed imports read: live, and known to be an ES module. */
const asExports = (namespace: object): Exports => {
  const exports: Record<string, unknown> = {};
  for (const name of Object.keys(namespace)) {
    Object.defineProperty(exports, name, { enumerable: true, get: () => (namespace as Exports)[name] });
  }
  return Object.defineProperty(exports, '__esModule', { value: true });
};

/** Imports a package or a module of Node's. Throws `plugin_invalid` that names importer and package. */
export const importPackage = async (specifier: string, importer: string, host: HostModules): Promise<Exports> => {
  const own = Object.hasOwn(host, specifier) ? host[specifier] : undefined;
  try {
    return asExports(own ?? (await importFrom(specifier, importer)));
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const remedy = code === 'ERR_MODULE_NOT_FOUND' ? `; install it beside the plugin` : '';
    throw new GolekError('plugin_invalid', `${importer} imports '${specifier}', which failed: ${message}${remedy}`, {
      cause,
    });
  }
};
