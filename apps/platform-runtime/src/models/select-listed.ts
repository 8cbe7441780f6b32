import type { ListedModel } from '@golek/providers-spi';
import type { ListedModelsConfig } from '../config/upstreams-config.ts';
import type { PlatformModel } from './platform-model.ts';

/** A model that an upstream lists and that is not served under its name. */
export interface LeftOutModel {
  readonly upstream: string;
  /** Its name here; for several, how many. */
  readonly model: string;
  readonly reason: string;
}

/** What is served of an upstream's list, as far as the list says it. */
export interface Selection {
  readonly upstream: string;
  /** In the order of their names, each name once. */
  readonly models: readonly PlatformModel[];
  readonly leftOut: readonly LeftOutModel[];
}

/** What a name in `models.list` may be long. */
const LONGEST_NAME = 128;

/** `*` stands for any characters, `/` too. Parts are looked for one after the other: the time is that of the text's length. */
export const matchesPattern = (text: string, pattern: string): boolean => {
  const [first = '', ...parts] = pattern.split('*');
  const last = parts.pop();
  if (last === undefined) return text === pattern;
  if (!text.startsWith(first) || text.length < first.length + last.length || !text.endsWith(last)) return false;
  let rest = text.slice(first.length, text.length - last.length);
  for (const part of parts) {
    const at = rest.indexOf(part);
    if (at < 0) return false;
    rest = rest.slice(at + part.length);
  }
  return true;
};

const compare = (one: ListedModel, other: ListedModel): number =>
  one.location < other.location ? -1 : Number(one.location > other.location);

/** Takes from a list what its settings ask for, under the names that they give. */
export const selectListed = (
  upstream: string,
  listed: readonly ListedModel[],
  { include, exclude, prefix, maxModels, options }: ListedModelsConfig,
): Selection => {
  const any = (patterns: readonly string[], name: string): boolean =>
    patterns.some((pattern) => matchesPattern(name, pattern));
  const once = new Map(listed.map((model) => [model.location, model]));
  const wanted = [...once.values()]
    .filter(({ location }) => any(include, location) && !any(exclude, location))
    .sort(compare);
  const leftOut: LeftOutModel[] = [];
  const beyond = wanted.length - maxModels;
  if (beyond > 0) {
    const reason = `the upstream '${upstream}' lists ${wanted.length} models, more than its 'models.maxModels' of ${maxModels}; raise it, or choose with 'include' and 'exclude'`;
    leftOut.push({ upstream, model: `${beyond} models`, reason });
  }
  const models: PlatformModel[] = [];
  for (const { location, options: told } of wanted.slice(0, maxModels)) {
    const name = prefix + location;
    if (name.length <= LONGEST_NAME && !/\p{Cc}/u.test(name))
      models.push({ source: { name, location, options: { ...told, ...options } }, provider: upstream });
    else {
      const reason = `a name has up to ${LONGEST_NAME} characters and no control characters; give it one in 'models.list'`;
      leftOut.push({ upstream, model: name.slice(0, LONGEST_NAME), reason });
    }
  }
  return { upstream, models, leftOut };
};
