import { GolekError } from '@golek/providers-spi';
import { FastUnigram } from './fast-unigram.ts';
import { makeTokenizer, type HuggingFaceTokenizer } from './hugging-face-tokenizer.ts';
import { countField, isObject, objectOf, textField, type JsonObject } from './json-fields.ts';
import { cut, keptLengths, type Truncation } from './truncation.ts';

/** The tokens of one input as a graph takes them. */
export interface Encoding {
  readonly ids: readonly number[];
  /** 0 for the first text and what is around it, else as the tokenizer says. */
  readonly typeIds: readonly number[];
  /** Where the tokens of the first text begin, and how many of them there are. */
  readonly start: number;
  readonly count: number;
  /** Tokens of the first text that were cut off before those. */
  readonly skipped: number;
  /** Tokens that were cut off, as the model's files or options say. */
  readonly dropped: number;
}

/** How inputs of unequal length are made equal. */
export interface Padding {
  readonly id: number;
  readonly typeId: number;
  readonly side: 'left' | 'right';
  /** Lengths are multiples of this. */
  readonly multiple: number;
  /** All inputs get at least this length. */
  readonly length: number;
}

/** Special tokens that are put around texts: `first` and `second` stand for them. */
type Frame = readonly { readonly part: number | 'first' | 'second'; readonly typeId: number }[];

interface Frames {
  readonly single: Frame;
  readonly pair: Frame;
}

/** No input of a model that was trained on texts is as long; tokenizer_config.json has 1e30 for "not known". */
const NO_LIMIT = 1e9;

/** A model's tokenizer, as its tokenizer.json and tokenizer_config.json say. */
export class TextTokenizer {
  /** Ids are below this. */
  readonly size: number;
  readonly truncation: Truncation | undefined;
  readonly padding: Padding;
  /** `model_max_length`, where it is one. */
  readonly maxLength: number | undefined;
  /** Ids of special tokens by the name that the configuration has for them, such as `eos_token`. */
  readonly named: ReadonlyMap<string, number>;
  readonly specialIds: ReadonlySet<number>;
  /** The token that stands for what the vocabulary has no token for. */
  readonly unknown: number | undefined;
  readonly #name: string;
  readonly #tokenizer: HuggingFaceTokenizer;
  readonly #files: { readonly tokenizer: JsonObject; readonly config: JsonObject };
  readonly #ids = new Map<string, number>();
  readonly #frames: Frames;
  readonly #specialTexts: readonly string[];
  #plain: HuggingFaceTokenizer | undefined;

  /** `name`: the model's, for messages. Throws `model_invalid` for files that cannot be read. */
  constructor(name: string, tokenizer: JsonObject, config: JsonObject = {}) {
    this.#name = name;
    this.#files = { tokenizer, config };
    this.#tokenizer = readTokenizer(name, tokenizer, config);
    const { model } = this.#tokenizer;
    this.unknown = model.unk_token_id;
    const added = [...this.#tokenizer.get_added_tokens_decoder().values()];
    for (const { content, id, normalized } of added) {
      this.#ids.set(content, id);
      const other = normalized ? this.#tokenizer.normalizer?.normalize(content) : undefined;
      if (other !== undefined) this.#ids.set(other, id);
    }
    this.size = added.reduce((most, { id }) => Math.max(most, id + 1), model.vocab.length);
    const special = added.filter((token) => token.special);
    this.specialIds = new Set(special.map(({ id }) => id));
    this.#specialTexts = special.map(({ content }) => content).filter((content) => content !== '');
    this.named = this.#namedTokens(config);
    this.truncation = truncationOf(objectOf(tokenizer['truncation']));
    this.padding = this.#paddingOf(objectOf(tokenizer['padding']), config);
    const most = countField(config, 'model_max_length');
    this.maxLength = most !== undefined && most > 0 && most < NO_LIMIT ? most : undefined;
    this.#frames = this.#readFrames(textField(objectOf(tokenizer['post_processor']), 'type'));
  }

  /**
   * The tokens of a text without anything around them. `special`: the spelling of a special token is this token, otherwise a text like any other.
   */
  tokens(text: string, special = true): number[] {
    const plain = !special && this.#specialTexts.some((spelling) => text.includes(spelling));
    return this.#idsOf(
      (plain ? this.#withoutSpecial() : this.#tokenizer).tokenize(text, { add_special_tokens: false }),
    );
  }

  /** An input of one text or a pair, given as text or tokens, with the special tokens around it, cut as `truncation` says. */
  encode(
    first: string | readonly number[],
    second?: string | readonly number[],
    truncation: Truncation | 'none' = this.truncation ?? 'none',
  ): Encoding {
    const one = typeof first === 'string' ? this.tokens(first) : first;
    const other = typeof second === 'string' ? this.tokens(second) : second;
    return this.#framed(one, other, truncation === 'none' ? undefined : truncation);
  }

  /** The text of tokens. Spaces before punctuation go only where the configuration says so: the library's default would change texts. */
  decode(ids: readonly number[]): string {
    if (ids.length === 0) return '';
    const clean = this.#files.config['clean_up_tokenization_spaces'] === true;
    return this.#tokenizer.decode([...ids], { clean_up_tokenization_spaces: clean });
  }

  /** The token as the vocabulary spells it. */
  spelling(id: number): string | undefined {
    return this.#tokenizer.id_to_token(id);
  }

  idOf(token: string): number | undefined {
    return this.#ids.get(token) ?? this.#tokenizer.token_to_id(token);
  }

  /** The token that goes before every text, where there is one. */
  get frameStart(): number | undefined {
    const part = this.#frames.single[0]?.part;
    return typeof part === 'number' ? part : undefined;
  }

  #framed(
    first: readonly number[],
    second: readonly number[] | undefined,
    truncation: Truncation | undefined,
  ): Encoding {
    const frame = second ? this.#frames.pair : this.#frames.single;
    const own = frame.length - (second ? 2 : 1);
    const all = first.length + (second?.length ?? 0);
    let kept: readonly [number, number] = [first.length, second?.length ?? 0];
    if (truncation && all + own > truncation.maxLength) {
      const shorter = keptLengths(first.length, second?.length, truncation.maxLength - own, truncation.strategy);
      if (!shorter)
        throw new GolekError(
          'context_length_exceeded',
          `an input has ${all} tokens and ${own} around them; cutting it to ${truncation.maxLength} as model '${this.#name}' says ('${truncation.strategy}') leaves nothing of one text`,
          { details: { promptTokens: all + own, contextLength: truncation.maxLength } },
        );
      kept = shorter;
    }
    const direction = truncation?.direction ?? 'right';
    const one = cut(first, kept[0], direction);
    const other = second && cut(second, kept[1], direction);
    const ids: number[] = [];
    const typeIds: number[] = [];
    let start = 0;
    for (const { part, typeId } of frame) {
      if (part === 'first') start = ids.length;
      const pieces = part === 'first' ? one : part === 'second' ? (other ?? []) : [part];
      for (const id of pieces) {
        ids.push(id);
        typeIds.push(typeId);
      }
    }
    const skipped = direction === 'left' ? first.length - one.length : 0;
    return { ids, typeIds, start, count: one.length, skipped, dropped: all - kept[0] - kept[1] };
  }

  #idsOf(tokens: readonly string[]): number[] {
    const ids: number[] = [];
    for (const token of tokens) {
      const id = this.idOf(token) ?? this.unknown;
      // A character that the vocabulary has no token for, not even an unknown one, is left out, as Hugging Face's tokenizers do.
      if (id !== undefined) ids.push(id);
    }
    return ids;
  }

  #namedTokens(config: JsonObject): Map<string, number> {
    const named = new Map<string, number>();
    for (const [key, value] of Object.entries(config)) {
      if (!key.endsWith('_token')) continue;
      const text = typeof value === 'string' ? value : textField(objectOf(value), 'content');
      const id = text === undefined ? undefined : this.idOf(text);
      if (id !== undefined) named.set(key, id);
    }
    return named;
  }

  #paddingOf(padding: JsonObject | undefined, config: JsonObject): Padding {
    const side = (textField(padding, 'direction') ?? textField(config, 'padding_side') ?? 'right').toLowerCase();
    const fixed = objectOf(padding?.['strategy'])?.['Fixed'];
    return {
      id: countField(padding, 'pad_id') ?? this.named.get('pad_token') ?? 0,
      typeId: countField(padding, 'pad_type_id') ?? 0,
      side: side === 'left' ? 'left' : 'right',
      multiple: Math.max(1, countField(padding, 'pad_to_multiple_of') ?? 1),
      length: typeof fixed === 'number' ? fixed : 0,
    };
  }

  /** Post-processors put the same around every text, so that it is enough to ask once, with marks in place of texts. */
  #readFrames(type: string | undefined): Frames {
    const processor = this.#tokenizer.post_processor;
    const [first, second] = ['\u0000first', '\u0000second'];
    const frame = (tokens: readonly string[], types: readonly number[] | undefined): Frame =>
      tokens.map((token, index) => {
        // RoBERTa has one type of token only.
        const typeId = type === 'RobertaProcessing' ? 0 : (types?.[index] ?? 0);
        if (token === first) return { part: 'first', typeId };
        if (token === second) return { part: 'second', typeId };
        const part = this.idOf(token);
        if (part === undefined) throw invalid(this.#name, `puts '${token}' around texts, which is none of its tokens`);
        return { part, typeId };
      });
    const single = processor?.post_process([first]) ?? { tokens: [first] };
    const pair = processor?.post_process([first], [second]) ?? { tokens: [first, second] };
    const both = pair.tokens.includes(second) ? pair.tokens : [...pair.tokens, second];
    return { single: frame(single.tokens, single.token_type_ids), pair: frame(both, pair.token_type_ids) };
  }

  /** The same tokenizer without its special tokens, made when it is first needed. */
  #withoutSpecial(): HuggingFaceTokenizer {
    const { tokenizer, config } = this.#files;
    const added = Array.isArray(tokenizer['added_tokens']) ? (tokenizer['added_tokens'] as unknown[]) : [];
    const others = added.filter((token) => !isObject(token) || token['special'] !== true);
    this.#plain ??= readTokenizer(this.#name, { ...tokenizer, added_tokens: others }, config);
    return this.#plain;
  }
}

const invalid = (name: string, what: string, cause?: unknown): GolekError =>
  new GolekError('model_invalid', `the tokenizer of model '${name}' ${what}`, { cause });

const readTokenizer = (name: string, tokenizer: JsonObject, config: JsonObject): HuggingFaceTokenizer => {
  let made: HuggingFaceTokenizer;
  try {
    made = makeTokenizer(tokenizer, config);
  } catch (cause) {
    throw invalid(name, `cannot be read from tokenizer.json: ${GolekError.from(cause).message}`, cause);
  }
  const unigram = unigramOf(objectOf(tokenizer['model']));
  if (unigram) made.model.encode = (texts) => texts.flatMap((text) => unigram.encode(text));
  return made;
};

/** Absent for another kind of model, or one that spells unknown characters as bytes. */
const unigramOf = (model: JsonObject | undefined): FastUnigram | undefined => {
  const pieces = model?.['vocab'];
  const unknown = countField(model, 'unk_id');
  if (!Array.isArray(pieces) || unknown === undefined || model?.['byte_fallback'] === true) return undefined;
  const read = pieces.flatMap((piece: unknown): [string, number][] => {
    const [text, score] = Array.isArray(piece) ? (piece as unknown[]) : [];
    // A score that JSON has no number for is saved as null, which counts as 0 in sums.
    return typeof text === 'string' && (typeof score === 'number' || score === null) ? [[text, score ?? 0]] : [];
  });
  return read.length === pieces.length ? new FastUnigram({ pieces: read, unknown }) : undefined;
};

const STRATEGIES: Readonly<Record<string, Truncation['strategy']>> = {
  LongestFirst: 'longest-first',
  OnlyFirst: 'only-first',
  OnlySecond: 'only-second',
};

const truncationOf = (truncation: JsonObject | undefined): Truncation | undefined => {
  const maxLength = countField(truncation, 'max_length');
  if (maxLength === undefined) return undefined;
  return {
    maxLength,
    strategy: STRATEGIES[textField(truncation, 'strategy') ?? ''] ?? 'longest-first',
    direction: textField(truncation, 'direction')?.toLowerCase() === 'left' ? 'left' : 'right',
  };
};
