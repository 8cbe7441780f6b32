/**
 * Where in a turn a thought signature stood. The service wants it back in the same part; the canonical model has one place for signatures, so that the place goes within
 * the signature, which nobody but this provider reads.
 *
 * `thought`: the thought before it. `text`: the text. `end`: a part of its own without text, as the end of a stream has it. A number: the call of this index.
 */
export type SignedPlace = 'thought' | 'text' | 'end' | number;

export interface PlacedSignature {
  readonly place: SignedPlace;
  readonly signature: string;
}

const MARK = 'gemini';

export const markSignature = (place: SignedPlace, signature: string): string => `${MARK}:${place}:${signature}`;

/** Undefined for a signature of another service. */
export const readSignature = (marked: string): PlacedSignature | undefined => {
  const [, place = '', signature = ''] = /^gemini:(thought|text|end|\d{1,4}):(.+)$/s.exec(marked) ?? [];
  if (signature === '') return undefined;
  return { place: /^\d/.test(place) ? Number(place) : (place as 'thought' | 'text' | 'end'), signature };
};

/** What Google documents for calls that its service did not make: it takes them without a check. */
export const UNCHECKED = 'skip_thought_signature_validator';
