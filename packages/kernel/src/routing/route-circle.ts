import { GolekError, type ModelRoute } from '@golek/api';

/** Throws `invalid_request` that names both ends when routes fall back to each other in a circle. */
export const refuseCircle = (routes: ReadonlyMap<string, Pick<ModelRoute, 'fallback'>>): void => {
  const done = new Set<string>();
  const visit = (name: string, way: readonly string[]): void => {
    if (done.has(name)) return;
    const at = way.indexOf(name);
    if (at >= 0) {
      const circle = [...way.slice(at), name];
      throw new GolekError(
        'invalid_request',
        `route '${circle.at(-2) ?? name}' falls back to '${name}', which comes back to it: ${circle.join(' → ')}; take one of them out of a fallback`,
        { details: { circle } },
      );
    }
    for (const next of routes.get(name)?.fallback ?? []) visit(next, [...way, name]);
    done.add(name);
  };
  for (const name of routes.keys()) visit(name, []);
};
