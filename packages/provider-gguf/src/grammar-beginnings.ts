/** Another rule, or a character, so many times. */
interface Item {
  /** Undefined: a character. */
  readonly rule: string | undefined;
  readonly min: number;
  readonly max: number;
}

type Rule = Item[][];

const TOKENS =
  /\s+|#[^\r\n]*|"(?:\\[^]|[^"\\])*"|\[(?:\\[^]|[^\]\\])*\]|!?<[^>]*>|\{\s*(\d*)\s*(,?)\s*(\d*)\s*\}|[a-zA-Z0-9-]+(?:\s*::=)?|[^]/g;

/**
 * In how many ways a grammar may begin, at most: llama.cpp writes each of them out when it reads the grammar, and compares each with all. Undefined where it is
 * not a grammar, which llama.cpp says better.
 */
export const countBeginnings = (grammar: string): number | undefined => {
  const rules = rulesOf(grammar);
  const empty = rulesThatMayBeEmpty(rules);
  const ways = new Map<string, number>();
  const open = new Set<string>();
  // Not by recursion: rules may stand in a very long row.
  const path = ['root'];
  for (let name = path.at(-1); name !== undefined; name = path.at(-1)) {
    const rule = rules.get(name);
    if (!rule) return undefined;
    const first = rule.flatMap((items) => firstOf(items, empty));
    const unknown = open.has(name) ? [] : first.flatMap(({ rule: other }) => other ?? []);
    open.add(name);
    // What begins with itself is refused by llama.cpp.
    const next = unknown.filter((other) => !open.has(other));
    for (const other of next) path.push(other);
    if (next.length > 0) continue;
    path.pop();
    if (ways.has(name)) continue;
    let sum = 0;
    for (const { rule: other, max } of first) {
      const inside = other === undefined ? 1 : (ways.get(other) ?? 1);
      // Each time that it is passed over is another place to begin at.
      sum += inside * (other !== undefined && empty.has(other) ? max : Math.min(1, max));
    }
    ways.set(name, sum);
  }
  return ways.get('root');
};

/** The items of a row at which it may begin. */
const firstOf = (items: readonly Item[], empty: ReadonlySet<string>): readonly Item[] => {
  const end = items.findIndex((item) => !isOptional(item, empty));
  return end < 0 ? items : items.slice(0, end + 1);
};

const isOptional = ({ rule, min }: Item, empty: ReadonlySet<string>): boolean =>
  min === 0 || (rule !== undefined && empty.has(rule));

const rulesThatMayBeEmpty = (rules: ReadonlyMap<string, Rule>): Set<string> => {
  const empty = new Set<string>();
  const users = new Map<string, Set<string>>();
  for (const [name, rule] of rules)
    for (const { rule: used } of rule.flat())
      if (used !== undefined) users.set(used, (users.get(used) ?? new Set()).add(name));
  const toCheck = [...rules.keys()];
  for (let name = toCheck.pop(); name !== undefined; name = toCheck.pop()) {
    if (empty.has(name) || !rules.get(name)?.some((items) => items.every((item) => isOptional(item, empty)))) continue;
    empty.add(name);
    for (const user of users.get(name) ?? []) toCheck.push(user);
  }
  return empty;
};

/** The rules by name, groups as rules of their own. */
const rulesOf = (grammar: string): Map<string, Rule> => {
  const rules = new Map<string, Rule>();
  let current: Rule = [];
  const groups: { readonly outer: Rule; readonly name: string }[] = [];
  let names = 0;
  for (const [token, min, comma, max] of grammar.matchAll(TOKENS)) {
    const items = current.at(-1);
    const last = items?.at(-1);
    if (/^[\s#]/.test(token) || token === '""') continue;
    if (token.endsWith('::=')) {
      current = [[]];
      groups.length = 0;
      rules.set(token.slice(0, -3).trim(), current);
    } else if (token === '|') current.push([]);
    else if (token === '(') {
      const name = `(${names++}`;
      items?.push({ rule: name, min: 1, max: 1 });
      groups.push({ outer: current, name });
      current = [[]];
      rules.set(name, current);
    } else if (token === ')') current = groups.pop()?.outer ?? current;
    else if (items && last && /^[?*+{]/.test(token)) {
      const [least, most] = timesOf(token, min, comma, max);
      items[items.length - 1] = { ...last, min: least, max: most };
    } else items?.push({ rule: /^[a-zA-Z0-9-]/.test(token) ? token : undefined, min: 1, max: 1 });
  }
  return rules;
};

/** More are written out as a rule that goes on with itself. */
const timesOf = (token: string, min = '', comma = '', max = ''): [number, number] => {
  if (token === '?') return [0, 1];
  if (token === '*') return [0, 1];
  if (token === '+') return [1, 1];
  const least = Number(min);
  return [least, max === '' ? (comma === '' ? least : least + 1) : Number(max)];
};
