import { GolekError } from '@golek/api';
import { init, parse, type ImportSpecifier } from 'es-module-lexer';
import { transform } from 'sucrase';

/** The text of a module as the body of a function: imports are `require` calls, `import()` and `import.meta` are names that the caller gives. Lines stay where they are. */
export interface ModuleCode {
  readonly body: string;
  /** What it imports statically, in order. */
  readonly specifiers: readonly string[];
}

/** Names under which a module's function gets what only a module has. */
export const IMPORT_NAME = '__golek_import';
export const META_NAME = '__golek_meta';

const TYPESCRIPT = /\.m?ts$/;

/** Kept as they are: everything that Node itself runs. */
const SYNTAX = { disableESTransforms: true, preserveDynamicImport: true } as const;

const isMeta = ({ d }: ImportSpecifier): boolean => d === -2;
const isDynamic = ({ d }: ImportSpecifier): boolean => d >= 0;

/** Throws `plugin_invalid` with file, line and column for text that is no module. */
export const moduleCode = async (text: string, file: string): Promise<ModuleCode> => {
  await init;
  try {
    const script = TYPESCRIPT.test(file) ? transform(text, { ...SYNTAX, transforms: ['typescript'] }).code : text;
    const [imports] = parse(script, file);
    let renamed = '';
    let from = 0;
    for (const specifier of imports) {
      if (!isMeta(specifier) && !isDynamic(specifier)) continue;
      renamed += script.slice(from, specifier.ss) + (isMeta(specifier) ? META_NAME : IMPORT_NAME);
      from = isMeta(specifier) ? specifier.se : specifier.ss + 'import'.length;
    }
    renamed += script.slice(from);
    const statics = imports.filter((specifier) => !isMeta(specifier) && !isDynamic(specifier));
    return {
      body: transform(renamed, { ...SYNTAX, transforms: ['imports'] }).code,
      specifiers: [...new Set(statics.flatMap(({ n }) => n ?? []))],
    };
  } catch (thrown) {
    throw new GolekError('plugin_invalid', `${file} cannot be read as a module: ${whereOf(thrown)}`, { cause: thrown });
  }
};

/** Both parsers say line and column in their own way. */
const whereOf = (thrown: unknown): string => {
  const { message, loc } = thrown as { message?: string; loc?: { line: number; column: number } };
  const text = (message ?? String(thrown)).replace(/^Error transforming [^:]*: /, '').replace(/\s*\(\d+:\d+\)$/, '');
  return loc ? `${text} (line ${loc.line}, column ${loc.column})` : text;
};
