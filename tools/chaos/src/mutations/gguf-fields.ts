/** What a place in the header of a GGUF file says. */
export interface GgufField {
  readonly at: number;
  readonly bytes: number;
  readonly kind: 'mark' | 'count' | 'length' | 'type' | 'number' | 'text' | 'dimensions' | 'offset';
  readonly part: 'start' | 'metadata' | 'tensors';
}

export interface GgufFields {
  readonly fields: readonly GgufField[];
  /** Where the header ends and the weights begin, but for padding. */
  readonly end: number;
}

/** Bytes of numbers by their type; strings are 8, arrays 9. */
const NUMBER_BYTES = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];
const STRING = 8;
const ARRAY = 9;
/** Elements of an array that become fields of their own. */
const FIRST_ELEMENTS = 4;

class Walk {
  readonly fields: GgufField[] = [];
  part: GgufField['part'] = 'start';
  #at = 0;
  readonly #file: Buffer;

  constructor(file: Buffer) {
    this.#file = file;
  }

  get at(): number {
    return this.#at;
  }

  number(kind: GgufField['kind'], bytes: 4 | 8): number {
    const at = this.#field(kind, bytes);
    return bytes === 4 ? this.#file.readUInt32LE(at) : Number(this.#file.readBigUInt64LE(at));
  }

  text(noted = true): void {
    if (!noted) {
      this.#at += 8 + Number(this.#file.readBigUInt64LE(this.#at));
      return;
    }
    const length = this.number('length', 8);
    this.#field('text', length);
  }

  value(type: number): void {
    if (type === STRING) return this.text();
    if (type !== ARRAY) return void this.#field('number', NUMBER_BYTES[type] ?? 0);
    const element = this.number('type', 4);
    const count = this.number('count', 8);
    for (let i = 0; i < count; i++) {
      if (element === STRING) this.text(i < FIRST_ELEMENTS);
      else if (i < FIRST_ELEMENTS) this.value(element);
      else this.#at += NUMBER_BYTES[element] ?? 0;
    }
  }

  #field(kind: GgufField['kind'], bytes: number): number {
    const at = this.#at;
    if (bytes > 0) this.fields.push({ at, bytes, kind, part: this.part });
    this.#at += bytes;
    return at;
  }
}

/** The places of a whole GGUF file at which something can be wrong. */
export const fieldsOf = (file: Buffer): GgufFields => {
  const walk = new Walk(file);
  walk.number('mark', 4);
  walk.number('mark', 4);
  const tensors = walk.number('count', 8);
  const entries = walk.number('count', 8);
  walk.part = 'metadata';
  for (let i = 0; i < entries; i++) {
    walk.text();
    walk.value(walk.number('type', 4));
  }
  walk.part = 'tensors';
  for (let i = 0; i < tensors; i++) {
    walk.text();
    const dimensions = walk.number('dimensions', 4);
    for (let d = 0; d < dimensions; d++) walk.number('count', 8);
    walk.number('type', 4);
    walk.number('offset', 8);
  }
  return { fields: walk.fields, end: walk.at };
};
