import { nearest } from '@golek/api';
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Document, type Node, type Pair } from 'yaml';
import type { ConfigKey } from './config-key.ts';
import type { ConfigProblem, ConfigSource, ConfigValue, LayerValues } from './config-source.ts';

/** A configuration file that was read. */
export interface ConfigFile {
  /** For messages; as the user named it. */
  readonly path: string;
  readonly text: string;
}

/** Against a small file whose aliases multiply to gigabytes. */
const MAX_ALIASES = 100;

interface Reading {
  readonly file: string;
  readonly document: Document;
  readonly lines: LineCounter;
  readonly keys: readonly ConfigKey[];
  readonly values: ConfigValue[];
  readonly problems: ConfigProblem[];
}

/** Reads a YAML 1.2 document. Syntax errors, keys that no section has and repeated keys are problems with line and column. */
export const fileLayer = ({ path: file, text }: ConfigFile, keys: readonly ConfigKey[]): LayerValues => {
  const lines = new LineCounter();
  const values: ConfigValue[] = [];
  const problems: ConfigProblem[] = [];
  const at = (offset: number): ConfigSource => place(file, lines, offset);
  let document: Document;
  try {
    document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
  } catch (thrown) {
    // The parser is recursive: a document nested thousands of levels deep ends its stack.
    return { values, problems: [{ source: at(0), key: '', message: `the file cannot be read: ${String(thrown)}` }] };
  }
  for (const error of [...document.errors, ...document.warnings]) {
    problems.push({ source: at(error.pos[0]), key: '', message: `YAML: ${withoutContent(error.message)}` });
  }
  if (problems.length === 0) readNode({ file, document, lines, keys, values, problems }, document.contents, []);
  return { values, problems };
};

/** The parser quotes tags and aliases at the end; a secret that begins with `!` or `*` and lacks its quotes is taken for one. */
const withoutContent = (message: string): string =>
  message.replace(/^(Unresolved (?:tag|alias)[^:]*):.*$/s, '$1; put a text that begins with ! or * into quotes');

const place = (file: string, lines: LineCounter, offset: number): ConfigSource => {
  const { line, col } = lines.linePos(offset);
  return { layer: 'file', file, line: Math.max(line, 1), column: Math.max(col, 1) };
};

const sourceOf = ({ file, lines }: Reading, node: unknown): ConfigSource =>
  place(file, lines, (node as Node | null)?.range?.[0] ?? 0);

const resolved = ({ document }: Reading, node: unknown): unknown => (isAlias(node) ? node.resolve(document) : node);

/** Recursion follows the keys of the schema, so that its depth is ours and not the file's. */
const readNode = (reading: Reading, raw: unknown, path: readonly string[]): void => {
  const node = resolved(reading, raw);
  const name = path.join('.');
  if (reading.keys.some(({ key }) => key === name)) return readLeaf(reading, raw, name);
  if (node === null || node === undefined || (isScalar(node) && node.value === null)) return;
  if (!isMap(node)) {
    const what = name === '' ? 'the file' : `'${name}'`;
    const known = childrenOf(reading, path).join(', ');
    reading.problems.push({
      source: sourceOf(reading, raw),
      key: name,
      message: `${what} must be a map with the keys ${known}`,
    });
    return;
  }
  for (const pair of node.items) readPair(reading, pair, path);
};

const readPair = (reading: Reading, { key, value }: Pair, path: readonly string[]): void => {
  const segment = isScalar(key) ? String(key.value) : String(key);
  const children = childrenOf(reading, path);
  if (children.includes(segment)) return readNode(reading, value, [...path, segment]);
  const name = [...path, segment].join('.');
  const hint = hintFor(reading, path, segment, children);
  const remedy = hint === undefined ? `; known here: ${children.join(', ')}` : `; did you mean '${hint}'?`;
  reading.problems.push({ source: sourceOf(reading, key), key: name, message: `unknown key '${name}'${remedy}` });
};

const readLeaf = (reading: Reading, node: unknown, key: string): void => {
  const source = sourceOf(reading, node);
  try {
    const value: unknown = (node as Node | null)?.toJS(reading.document, { maxAliasCount: MAX_ALIASES }) ?? null;
    reading.values.push({ key, value, source, locate: (path) => sourceOf(reading, nodeAt(reading, node, path)) });
  } catch (thrown) {
    reading.problems.push({
      source,
      key,
      message: `'${key}' cannot be read: ${withoutContent(thrown instanceof Error ? thrown.message : String(thrown))}`,
    });
  }
};

/** The node at a path inside a leaf, or the last one on the way to it. */
const nodeAt = (reading: Reading, node: unknown, path: readonly PropertyKey[]): unknown => {
  let found = node;
  for (const segment of path) {
    const parent = resolved(reading, found);
    const child: unknown = isMap(parent) || isSeq(parent) ? parent.get(segment, true) : undefined;
    if (child === undefined) break;
    found = child;
  }
  return found;
};

const childrenOf = ({ keys }: Reading, path: readonly string[]): readonly string[] => {
  const below = keys.filter((key) => path.every((segment, index) => key.path[index] === segment));
  return [...new Set(below.flatMap((key) => key.path[path.length] ?? []))];
};

/** A sibling that is spelt like it, else a key elsewhere whose last part is. */
const hintFor = (
  { keys }: Reading,
  path: readonly string[],
  segment: string,
  children: readonly string[],
): string | undefined => {
  const sibling = nearest(segment, children);
  if (sibling !== undefined) return [...path, sibling].join('.');
  const last = nearest(
    segment,
    keys.map((key) => key.path.at(-1) ?? ''),
  );
  return keys.find((key) => key.path.at(-1) === last)?.key;
};
