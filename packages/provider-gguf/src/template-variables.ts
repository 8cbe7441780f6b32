/** Variables that templates read as the switch of a model's reasoning, in the order in which they are looked for. */
const REASONING_SWITCHES = ['enable_thinking', 'thinking'];
const REASONING_EFFORT = 'reasoning_effort';

/** What the engine itself gives to templates. */
export const OWN_VARIABLES: ReadonlySet<string> = new Set([
  'messages',
  'tools',
  'add_generation_prompt',
  'bos_token',
  'eos_token',
]);

const WORD = /[A-Za-z_]\w*/y;

/**
 * Names that a template mentions in its code: in tags, outside strings, not as a member of something. Reads each character once, since
 * templates come from files that nobody has checked.
 */
export const namesIn = (template: string): ReadonlySet<string> => {
  const names = new Set<string>();
  let inside = false;
  for (let at = 0; at < template.length; at++) {
    const character = template[at] ?? '';
    const pair = template.slice(at, at + 2);
    if (!inside) {
      inside = pair === '{{' || pair === '{%';
      if (inside) at++;
    } else if (pair === '}}' || pair === '%}') {
      inside = false;
      at++;
    } else if (character === "'" || character === '"') {
      for (at++; at < template.length && template[at] !== character; at++) if (template[at] === '\\') at++;
    } else {
      WORD.lastIndex = at;
      const word = WORD.exec(template)?.[0];
      if (word === undefined) continue;
      if (template[at - 1] !== '.') names.add(word);
      at += word.length - 1;
    }
  }
  return names;
};

/** The variable that turns a model's reasoning on and off; undefined where the template reads none. */
export const reasoningSwitch = (names: ReadonlySet<string>): string | undefined =>
  REASONING_SWITCHES.find((name) => names.has(name));

/** The variable that takes how much a model shall think. */
export const effortVariable = (names: ReadonlySet<string>): string | undefined =>
  names.has(REASONING_EFFORT) ? REASONING_EFFORT : undefined;
