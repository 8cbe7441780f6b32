/** What of the text pushed last belongs to the object. */
export interface ObjectStep {
  readonly state: 'open' | 'done' | 'broken';
  /** Characters of the text that were read, blanks before the object included. */
  readonly used: number;
  /** More of the object's text. */
  readonly text: string;
}

/** Follows one JSON object to its closing brace, without reading what is in it. */
export class JsonObjectFollower {
  #depth = 0;
  #inString = false;
  #escaped = false;
  #started = false;

  push(text: string): ObjectStep {
    let start = 0;
    if (!this.#started) {
      start = text.length - text.trimStart().length;
      if (start === text.length) return { state: 'open', used: start, text: '' };
      if (text[start] !== '{') return { state: 'broken', used: start, text: '' };
      this.#started = true;
    }
    for (let i = start; i < text.length; i++) {
      if (this.#next(text[i] ?? '')) return { state: 'done', used: i + 1, text: text.slice(start, i + 1) };
    }
    return { state: 'open', used: text.length, text: text.slice(start) };
  }

  /** True at the end of the object. */
  #next(character: string): boolean {
    if (this.#inString) {
      if (this.#escaped) this.#escaped = false;
      else if (character === '\\') this.#escaped = true;
      else if (character === '"') this.#inString = false;
      return false;
    }
    if (character === '"') this.#inString = true;
    else if (character === '{' || character === '[') this.#depth++;
    else if (character === '}' || character === ']') this.#depth--;
    return this.#depth === 0;
  }
}
