/** What a reviver is told of a primitive value since ECMAScript 2026: its text. */
interface Source {
  readonly source?: string;
}

interface ExactJson {
  parse(text: string, reviver: (key: string, value: unknown, context: Source) => unknown): unknown;
  rawJSON(text: string): unknown;
}

const exact = JSON as unknown as ExactJson;

/** Integers beyond it are not what was written once they are numbers. */
const isRounded = (value: unknown): boolean =>
  typeof value === 'number' && !Number.isSafeInteger(value) && value % 1 === 0;

/** The value of a JSON text; undefined for what is none. In the arguments of tool calls, integers that a number cannot hold keep their text for `JSON.stringify`. */
export const parseExactly = (text: string): unknown => {
  try {
    // Only arguments are written out again, and a reviver costs several times the parse.
    if (!text.includes('"tool_calls"')) return JSON.parse(text) as unknown;
    return exact.parse(text, (_key, value, { source }) =>
      isRounded(value) && source !== undefined ? exact.rawJSON(source) : value,
    );
  } catch {
    return undefined;
  }
};
