import type { JsonSchemaNode } from './config-key.ts';

/** Stands where a secret was. */
export const MASK = '[secret]';

type Secret = (value: unknown, path: readonly PropertyKey[]) => unknown;

const isSecret = (json: JsonSchemaNode): boolean => json['secret'] === true;

const referenced = (json: JsonSchemaNode, root: JsonSchemaNode): JsonSchemaNode => {
  const name = json.$ref?.replace(/^#\/\$defs\//, '');
  return name === undefined ? json : (root.$defs?.[name] ?? json);
};

/** Schemas directly below one: of items, of known and other keys, of alternatives. */
const below = (json: JsonSchemaNode): readonly JsonSchemaNode[] =>
  [
    json.items,
    json.additionalProperties,
    ...(json.prefixItems ?? []),
    ...Object.values(json.properties ?? {}),
    ...(json.anyOf ?? []),
    ...(json.oneOf ?? []),
    ...(json.allOf ?? []),
  ].filter((node): node is JsonSchemaNode => typeof node === 'object' && !Array.isArray(node));

/** Whether a value of the schema may hold a secret anywhere, itself included. */
export const holdsSecrets = (
  json: JsonSchemaNode,
  root: JsonSchemaNode = json,
  seen: ReadonlySet<JsonSchemaNode> = new Set(),
): boolean => {
  const node = referenced(json, root);
  if (seen.has(node)) return false;
  const above = new Set([...seen, node]);
  return isSecret(json) || isSecret(node) || below(node).some((child) => holdsSecrets(child, root, above));
};

/**
 * A copy of a value in which each secret is what `replace` gives for it; the value itself where nothing is replaced. What is secret under one alternative of
 * a schema is treated as secret under all.
 */
export const mapSecrets = (json: JsonSchemaNode, value: unknown, replace: Secret): unknown =>
  mapped([json], json, value, replace, []);

const mapped = (
  nodes: readonly JsonSchemaNode[],
  root: JsonSchemaNode,
  value: unknown,
  replace: Secret,
  path: readonly PropertyKey[],
): unknown => {
  if (value === undefined || value === null || nodes.length === 0) return value;
  const all = alternatives(nodes, root);
  if (all.some(isSecret)) return replace(value, path);
  if (typeof value !== 'object') return value;
  if (Array.isArray(value)) {
    const copy = value.map((item, index) =>
      mapped(itemSchemas(all, index), root, item as unknown, replace, [...path, index]),
    );
    return copy.every((item, index) => item === value[index]) ? value : copy;
  }
  const entries = Object.entries(value);
  const copy = entries.map(
    ([name, child]) => [name, mapped(childSchemas(all, name), root, child, replace, [...path, name])] as const,
  );
  return copy.every(([, child], index) => child === entries[index]?.[1]) ? value : Object.fromEntries(copy);
};

const alternatives = (nodes: readonly JsonSchemaNode[], root: JsonSchemaNode): readonly JsonSchemaNode[] => {
  const all = new Set<JsonSchemaNode>();
  const add = (json: JsonSchemaNode): void => {
    if (all.has(json)) return;
    all.add(json);
    add(referenced(json, root));
    for (const one of [...(json.anyOf ?? []), ...(json.oneOf ?? []), ...(json.allOf ?? [])]) add(one);
  };
  nodes.forEach(add);
  return [...all];
};

const schemasOf = (found: readonly unknown[]): readonly JsonSchemaNode[] =>
  found.filter((node): node is JsonSchemaNode => typeof node === 'object' && node !== null && !Array.isArray(node));

const itemSchemas = (nodes: readonly JsonSchemaNode[], index: number): readonly JsonSchemaNode[] =>
  schemasOf(nodes.map(({ prefixItems, items }) => prefixItems?.[index] ?? items));

const childSchemas = (nodes: readonly JsonSchemaNode[], name: string): readonly JsonSchemaNode[] =>
  schemasOf(
    nodes.map(({ properties, additionalProperties }) =>
      properties && Object.hasOwn(properties, name) ? properties[name] : additionalProperties,
    ),
  );

const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/**
 * Makes the objects and lists that hold a secret show `[secret]` in its place when they are turned to JSON or logged. The program reads the real value; a copy made
 * by spreading shows it.
 */
export const guardSecrets = (json: JsonSchemaNode, value: unknown): void => {
  const visit = (node: unknown, path: readonly PropertyKey[]): void => {
    if (typeof node !== 'object' || node === null || Object.isFrozen(node)) return;
    const shown = maskedAt(json, value, path);
    if (shown === node) return;
    hide(node, shown);
    for (const [name, child] of Object.entries(node))
      visit(child, [...path, Array.isArray(node) ? Number(name) : name]);
  };
  visit(value, []);
};

const maskedAt = (json: JsonSchemaNode, value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>(
    (node, segment) => (node as Record<PropertyKey, unknown> | undefined)?.[segment],
    mapSecrets(json, value, () => MASK),
  );

/** Shows `shown` in place of `target` in JSON and in `util.inspect`. */
export const hide = (target: object, shown: unknown): void => {
  Object.defineProperty(target, 'toJSON', { value: () => shown });
  Object.defineProperty(target, INSPECT, { value: () => shown });
};
