import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import vm from 'node:vm';
import { GolekError } from '@golek/api';
import { IMPORT_NAME, META_NAME } from './module-code.ts';

/** What the text of a module may use beside the globals. */
export interface ModuleScope {
  readonly module: { exports: Readonly<Record<string, unknown>> };
  readonly require: (specifier: string) => unknown;
  readonly importModule: (specifier: string) => Promise<unknown>;
}

type Compiled = (
  module: ModuleScope['module'],
  exports: object,
  require: ModuleScope['require'],
  importModule: (specifier: unknown) => Promise<unknown>,
  meta: object,
) => Promise<void>;

// One line with the module's first, so that lines keep their numbers; a function of its own, so that `await` is allowed at the top.
const BEFORE = 'return (async () => {';

/** Compiles the body of a module; nothing of it runs. Throws `plugin_invalid` for a syntax error. */
export const runnerOf = (body: string, file: string): ((scope: ModuleScope) => Promise<void>) => {
  let compiled: Compiled;
  try {
    const parameters = ['module', 'exports', 'require', IMPORT_NAME, META_NAME];
    const options = { filename: file, columnOffset: -BEFORE.length };
    compiled = vm.compileFunction(`${BEFORE}${body}\n})();`, parameters, options) as Compiled;
  } catch (thrown) {
    const { stack = '', message } = thrown as Error;
    // V8 puts the place into the first line of the stack.
    const [place = file] = stack.split('\n', 1);
    throw new GolekError('plugin_invalid', `${place.startsWith(file) ? place : file}: ${message}`, { cause: thrown });
  }
  const meta = {
    url: pathToFileURL(file).href,
    filename: file,
    dirname: path.dirname(file),
    resolve: (specifier: string) => pathToFileURL(createRequire(file).resolve(specifier)).href,
  };
  return ({ module, require, importModule }) =>
    compiled(module, module.exports, require, (specifier) => importModule(String(specifier)), meta);
};
