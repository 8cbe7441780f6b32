import type { ReasoningBlock } from '@golek/api';

const SIGNATURE = 'golek.signature.';
const REDACTED = 'golek.redacted.';

/** `encrypted_content` of a piece of reasoning that its service has signed. */
export const signedProof = (signature: string): string => SIGNATURE + signature;

/** `encrypted_content` of a piece of reasoning that its service shows only encrypted. */
export const redactedProof = (data: string): string => REDACTED + data;

/** What the service that made the reasoning gets back; undefined for a text of another server, which nobody here can read. */
export const blockOf = (proof: string, text: string): ReasoningBlock | undefined => {
  if (proof.startsWith(SIGNATURE)) return { text, signature: proof.slice(SIGNATURE.length) };
  if (proof.startsWith(REDACTED)) return { redacted: proof.slice(REDACTED.length) };
  return undefined;
};
