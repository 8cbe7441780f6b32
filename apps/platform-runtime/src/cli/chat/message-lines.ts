const FENCE = '"""';

/** Puts messages together from lines: a line that ends in `\` goes on, and so does everything between two lines of `"""`. */
export class MessageLines {
  #lines: string[] = [];
  #fenced = false;

  /** True when the message so far goes on. */
  get open(): boolean {
    return this.#lines.length > 0 || this.#fenced;
  }

  /** Takes a line. @returns the message when the line ends it. */
  add(line: string): string | undefined {
    if (this.#fenced) return this.#addFenced(line);
    if (this.#lines.length === 0 && line.startsWith(FENCE)) {
      this.#fenced = true;
      const rest = line.slice(FENCE.length);
      return rest === '' ? undefined : this.#addFenced(rest);
    }
    if (line.endsWith('\\')) {
      this.#lines.push(line.slice(0, -1));
      return undefined;
    }
    this.#lines.push(line);
    return this.end();
  }

  /** Forgets an unfinished message. */
  drop(): void {
    this.#lines = [];
    this.#fenced = false;
  }

  /** Ends the message where it is, as at the end of the input. @returns undefined when there is none. */
  end(): string | undefined {
    if (!this.open) return undefined;
    const message = this.#lines.join('\n');
    this.drop();
    return message;
  }

  #addFenced(line: string): string | undefined {
    if (!line.trimEnd().endsWith(FENCE)) {
      this.#lines.push(line);
      return undefined;
    }
    const last = line.trimEnd().slice(0, -FENCE.length);
    if (last !== '') this.#lines.push(last);
    return this.end() ?? '';
  }
}
