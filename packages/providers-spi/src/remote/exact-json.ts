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

/**
 * Parses answers whose tool calls have their arguments as objects, which are written out as text again: in a text that holds `mark`, the name of such calls on the wire, integers that a number
 * cannot hold keep their digits for `JSON.stringify`. The parser gives undefined for what is no JSON.
 */
export const exactParser =
  (mark: string) =>
  (text: string): unknown => {
    try {
      // A reviver costs several times the parse.
      if (!text.includes(`"${mark}"`)) return JSON.parse(text) as unknown;
      return exact.parse(text, (_key, value, { source }) =>
        isRounded(value) && source !== undefined ? exact.rawJSON(source) : value,
      );
    } catch {
      return undefined;
    }
  };
