/** What a fast unigram model is made of: each piece with its log-probability, by id. */
export interface UnigramVocabulary {
  readonly pieces: readonly (readonly [piece: string, score: number])[];
  readonly unknown: number;
}

/** A character that no piece covers costs so much more than the least probable piece (SentencePiece's constant). */
const UNKNOWN_PENALTY = 10;

/**
 * Splits text into the pieces of a unigram model (SentencePiece), the most probable way. The same pieces as @huggingface/tokenizers gives, in a
 * part of the time: its lattice of objects took about as long as a small embedding model.
 */
export class FastUnigram {
  readonly #trie: Trie;
  /** Score of the piece that ends at a node of the trie; NaN where none does. */
  readonly #scores: Float64Array;
  readonly #unknownScore: number;

  constructor({ pieces, unknown }: UnigramVocabulary) {
    this.#trie = new Trie(pieces.map(([piece]) => piece));
    this.#scores = new Float64Array(this.#trie.size).fill(Number.NaN);
    let least = Infinity;
    for (const [id, [piece, score]] of pieces.entries()) {
      least = Math.min(least, score);
      // Of equal pieces the last one counts, as in a map; the unknown piece has the score of an unknown character.
      const node = this.#trie.find(piece);
      if (node > 0) this.#scores[node] = id === unknown ? Number.NEGATIVE_INFINITY : score;
    }
    this.#unknownScore = least - UNKNOWN_PENALTY;
    for (const [index, score] of this.#scores.entries())
      if (score === Number.NEGATIVE_INFINITY) this.#scores[index] = this.#unknownScore;
  }

  encode(text: string): string[] {
    const { length } = text;
    const best = new Float64Array(length + 1).fill(Number.NEGATIVE_INFINITY);
    const from = new Int32Array(length + 1);
    best[0] = 0;
    for (let start = 0; start < length;) {
      const character = (text.codePointAt(start) ?? 0) > 0xffff ? 2 : 1;
      const before = best[start] as number;
      let single = false;
      let node = 0;
      for (let end = start; end < length;) {
        node = this.#trie.next(node, text.charCodeAt(end++));
        if (node < 0) break;
        const score = this.#scores[node] as number;
        if (Number.isNaN(score)) continue;
        if (end - start === character) single = true;
        if (before + score > (best[end] as number)) {
          best[end] = before + score;
          from[end] = start;
        }
      }
      const next = start + character;
      if (!single && before + this.#unknownScore > (best[next] as number)) {
        best[next] = before + this.#unknownScore;
        from[next] = start;
      }
      start = next;
    }
    const pieces: string[] = [];
    for (let end = length; end > 0;) {
      const start = from[end] as number;
      pieces.push(text.slice(start, end));
      end = start;
    }
    return pieces.reverse();
  }
}

/** A trie over UTF-16 units in one flat hash table of its edges. */
class Trie {
  #nodes: Int32Array;
  #units: Uint16Array;
  #children: Int32Array;
  #mask: number;
  #edges = 0;

  constructor(words: readonly string[]) {
    this.#mask = 1023;
    this.#nodes = new Int32Array(this.#mask + 1).fill(-1);
    this.#units = new Uint16Array(this.#mask + 1);
    this.#children = new Int32Array(this.#mask + 1);
    for (const word of words) this.#add(word);
  }

  /** Number of nodes; 0 is the root. */
  get size(): number {
    return this.#edges + 1;
  }

  /** The node after one more unit; -1 where there is none. */
  next(node: number, unit: number): number {
    const place = this.#place(node, unit);
    return this.#nodes[place] === -1 ? -1 : (this.#children[place] as number);
  }

  find(word: string): number {
    let node = 0;
    for (let i = 0; i < word.length && node >= 0; i++) node = this.next(node, word.charCodeAt(i));
    return node;
  }

  #add(word: string): void {
    let node = 0;
    for (let i = 0; i < word.length; i++) {
      const unit = word.charCodeAt(i);
      let place = this.#place(node, unit);
      if (this.#nodes[place] === -1) {
        if (this.#edges * 2 > this.#mask) {
          this.#grow();
          place = this.#place(node, unit);
        }
        this.#nodes[place] = node;
        this.#units[place] = unit;
        this.#children[place] = ++this.#edges;
      }
      node = this.#children[place] as number;
    }
  }

  #place(node: number, unit: number): number {
    let place = (Math.imul(node, 0x9e3779b1) ^ Math.imul(unit, 0x85ebca6b)) & this.#mask;
    while (this.#nodes[place] !== -1 && (this.#nodes[place] !== node || this.#units[place] !== unit))
      place = (place + 1) & this.#mask;
    return place;
  }

  #grow(): void {
    const [nodes, units, children] = [this.#nodes, this.#units, this.#children];
    this.#mask = this.#mask * 2 + 1;
    this.#nodes = new Int32Array(this.#mask + 1).fill(-1);
    this.#units = new Uint16Array(this.#mask + 1);
    this.#children = new Int32Array(this.#mask + 1);
    for (const [old, node] of nodes.entries()) {
      if (node === -1) continue;
      const place = this.#place(node, units[old] as number);
      this.#nodes[place] = node;
      this.#units[place] = units[old] as number;
      this.#children[place] = children[old] as number;
    }
  }
}
