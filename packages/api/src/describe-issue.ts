import type { z } from 'zod';
import { nearest } from './nearest.ts';

const SHOWN_CHARACTERS = 80;

const shortened = (text: string): string =>
  text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS - 3)}…` : text;

/** Arrays and objects by their size only: they may be huge, or nested too deep to be written as JSON. */
const shown = (value: unknown): string => {
  if (typeof value === 'string') return shortened(`'${value}'`);
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object' && value !== null)
    return shortened(`an object with the keys ${Object.keys(value).slice(0, 8).join(', ') || '(none)'}`);
  return String(value);
};

const valueAt = (root: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | null | undefined)?.[key], root);

/** `messages[0].content` style path. */
const dotted = (path: readonly PropertyKey[]): string =>
  path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`;
    const name = shortened(String(key));
    return text ? `${text}.${name}` : name;
  }, '');

/** What one schema issue means to the person who wrote the value. */
export interface DescribedIssue {
  /** Path of the offending field, e.g. `messages[0].role`; empty for the whole value. */
  readonly path: string;
  /** The same path, key by key. */
  readonly keys: readonly PropertyKey[];
  readonly message: string;
  /** True when a key is not known to the schema. */
  readonly unknownKey: boolean;
}

/**
 * Turns the first issue of a failed schema check into one sentence that names field, value and remedy.
 * `known` lists the keys allowed beside an unknown one, so that the nearest can be offered.
 */
export const describeIssue = (
  error: z.core.$ZodError,
  input: unknown,
  known: (path: readonly PropertyKey[]) => readonly string[],
): DescribedIssue => {
  const issue = deepest(error.issues);
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0] ?? '';
    const keys = [...issue.path, key];
    const path = dotted(keys);
    const hint = key.length <= SHOWN_CHARACTERS ? nearest(key, known(issue.path)) : undefined;
    return {
      path,
      keys,
      unknownKey: true,
      message: `unknown key '${path}'${hint ? `; did you mean '${dotted([...issue.path, hint])}'?` : ''}`,
    };
  }
  const path = dotted(issue.path);
  // What is wrong is the name of the entry, not the value that stands there.
  if (issue.code === 'invalid_key') {
    const why = issue.issues[0]?.message ?? issue.message;
    return { path, keys: issue.path, unknownKey: false, message: `the key '${path}' is invalid: ${why}` };
  }
  const value = valueAt(input, issue.path);
  const what = issue.message.replace(/^Invalid input: /, '');
  // Clients write null for what they leave out.
  const missing = value === undefined || (value === null && path !== '' && what.endsWith(', received null'));
  return {
    path,
    keys: issue.path,
    unknownKey: false,
    message: missing
      ? `'${path}' is missing${what === 'expected nonoptional, received undefined' ? '' : `: ${what.replace(/, received (?:undefined|null)$/, '')}`}`
      : `'${path}' ${path ? '' : '(the whole value) '}is invalid: ${what}${isRelation(issue, value) ? '' : ` (got ${shown(value)})`}`,
  };
};

/** A rule about a list or map says by itself what is wrong in it; its size would only puzzle. */
const isRelation = (issue: z.core.$ZodIssue, value: unknown): boolean =>
  issue.code === 'custom' && typeof value === 'object' && value !== null;

/** An unknown key is found inside of the object that has it. */
const depthOf = ({ path, code }: z.core.$ZodIssue): number => path.length + Number(code === 'unrecognized_keys');

/** Of a union's failures, the one that got furthest: its message is the one that helps. */
const deepest = (issues: readonly z.core.$ZodIssue[]): z.core.$ZodIssue => {
  const [first] = issues;
  if (!first) throw new TypeError('a schema error without issues');
  if (first.code !== 'invalid_union' || first.errors.length === 0) return first;
  const branches = first.errors.filter((branch) => branch.length > 0).map((branch) => deepest(branch));
  const furthest = branches.reduce<z.core.$ZodIssue | undefined>(
    (best, issue) => (!best || depthOf(issue) > depthOf(best) ? issue : best),
    undefined,
  );
  return furthest && depthOf(furthest) > 0 ? { ...furthest, path: [...first.path, ...furthest.path] } : first;
};
