/** How texts that are too long are cut, as `truncation` of a tokenizer.json says. */
export interface Truncation {
  /** Tokens that an input has at most, its special tokens included. */
  readonly maxLength: number;
  readonly strategy: 'longest-first' | 'only-first' | 'only-second';
  /** The end that is cut off. */
  readonly direction: 'left' | 'right';
}

/** How many tokens stay of one text or a pair. Undefined where the strategy cannot cut enough. */
export const keptLengths = (
  first: number,
  second: number | undefined,
  room: number,
  strategy: Truncation['strategy'],
): readonly [number, number] | undefined => {
  const all = first + (second ?? 0);
  if (all <= room) return [first, second ?? 0];
  if (room < 0) return undefined;
  if (second === undefined) return strategy === 'only-second' ? undefined : [room, 0];
  const excess = all - room;
  switch (strategy) {
    case 'only-first':
      return first >= excess ? [first - excess, second] : undefined;
    case 'only-second':
      return second >= excess ? [first, second - excess] : undefined;
    case 'longest-first': {
      // As Hugging Face's tokenizers do it: the shorter one stays whole as long as it has at most half of the room.
      const [short, long] = first <= second ? [first, second] : [second, first];
      const half = Math.floor(room / 2);
      const kept: readonly [number, number] =
        short <= half ? [short, Math.min(long, room - short)] : [half, room - half];
      return first <= second ? kept : [kept[1], kept[0]];
    }
  }
};

/** The part of the tokens that stays. */
export const cut = (ids: readonly number[], length: number, direction: Truncation['direction']): readonly number[] => {
  if (ids.length <= length) return ids;
  return direction === 'right' ? ids.slice(0, length) : ids.slice(ids.length - length);
};
