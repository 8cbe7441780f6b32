import { GolekError, nearest } from '@golek/api';
import type { ServiceNode } from './registration.ts';
import { isCollection, type ServiceToken } from './service-token.ts';

/** The nodes that stand behind a token: one for a service, any number for a collection. */
export const nodesOf = (nodes: readonly ServiceNode[], token: ServiceToken<unknown>): readonly ServiceNode[] =>
  nodes.filter((node) => node.token.id === token.id);

const described = (node: ServiceNode): string => `'${node.name}' (module '${node.module}')`;

/**
 * Orders services so that each comes after what it needs; otherwise the order of registration is kept. Throws `composition_invalid` that names both
 * sides of a missing need, and every member of a circle.
 */
export const startOrder = (nodes: readonly ServiceNode[]): readonly ServiceNode[] => {
  const ordered = new Set<ServiceNode>();
  const path: ServiceNode[] = [];

  const visit = (node: ServiceNode): void => {
    if (ordered.has(node)) return;
    if (path.includes(node)) throw circle([...path.slice(path.indexOf(node)), node]);
    path.push(node);
    for (const token of node.needs) {
      const needed = nodesOf(nodes, token);
      if (needed.length === 0 && !isCollection(token)) throw missing(node, token, nodes);
      needed.forEach(visit);
    }
    path.pop();
    ordered.add(node);
  };

  nodes.forEach(visit);
  return [...ordered];
};

const missing = (node: ServiceNode, token: ServiceToken<unknown>, nodes: readonly ServiceNode[]): GolekError => {
  const names = nodes.map((known) => known.token.name);
  const remedy = names.includes(token.name)
    ? 'a service of that name is registered under another token: import the token from where it is registered'
    : `add the module that registers it${hint(nearest(token.name, names))}`;
  return new GolekError(
    'composition_invalid',
    `service ${described(node)} needs '${token.name}', which no module registers; ${remedy}`,
    { details: { service: node.name, module: node.module, missing: token.name } },
  );
};

const hint = (name: string | undefined): string => (name === undefined ? '' : ` (registered and similar: '${name}')`);

const circle = (nodes: readonly ServiceNode[]): GolekError =>
  new GolekError('composition_invalid', `services need each other in a circle: ${nodes.map(described).join(' → ')}`, {
    details: { circle: nodes.map((node) => node.name) },
  });
