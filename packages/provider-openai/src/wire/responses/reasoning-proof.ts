/**
 * What has to go back with a piece of reasoning beside its text. The canonical model has a signature for it, which nobody but this provider reads, so that all of it goes
 * within the signature.
 */
export interface ReasoningProof {
  /** How many parts of the answer stood before it: its text counts as one, each call as one. */
  readonly place: number;
  /** Where the text stands on the wire: services take back as `content` only what they gave so. */
  readonly kind: 'content' | 'summary';
  /** Empty where the service told none. */
  readonly id: string;
  /** `encrypted_content`. */
  readonly encrypted: string;
}

const FORM = /^responses:(\d{1,4}):(content|summary):([\w-]{0,128}):(.+)$/s;

export const markProof = ({ place, kind, id, encrypted }: ReasoningProof): string =>
  `responses:${place}:${kind}:${id}:${encrypted}`;

/** Undefined for a signature of another API. */
export const readProof = (signature: string): ReasoningProof | undefined => {
  const [, place, kind, id = '', encrypted] = FORM.exec(signature) ?? [];
  if (place === undefined || encrypted === undefined) return undefined;
  return { place: Number(place), kind: kind === 'content' ? 'content' : 'summary', id, encrypted };
};
