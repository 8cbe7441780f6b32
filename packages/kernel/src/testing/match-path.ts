/** The values of a route's `:names` where a path fits it; a `*` at the end takes the rest. Undefined where it does not fit. */
export const matchPath = (route: string, path: string): Record<string, string> | undefined => {
  const wanted = route.split('/');
  const given = path.split('/');
  const params: Record<string, string> = {};
  for (const [index, segment] of wanted.entries()) {
    if (segment === '*') return { ...params, '*': given.slice(index).map(decodeURIComponent).join('/') };
    const value = given[index];
    if (value === undefined) return undefined;
    if (segment.startsWith(':')) params[segment.slice(1)] = decodeURIComponent(value);
    else if (segment !== value) return undefined;
  }
  return given.length === wanted.length ? params : undefined;
};
