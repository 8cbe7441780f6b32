import { type Message, type ToolCall } from '@golek/providers-spi';
import { asObject, parseJson } from '@golek/providers-spi/remote';
import { readSignature, UNCHECKED, type PlacedSignature, type SignedPlace } from './signed-place.ts';

type AssistantMessage = Extract<Message, { role: 'assistant' }>;

/** What is signed of a turn, and the thoughts that go back with it. */
interface SignedTurn {
  readonly thoughts: readonly object[];
  /** Taken out as they are used. */
  readonly places: Map<SignedPlace, string[]>;
}

const readBlocks = ({ reasoning, reasoningBlocks }: AssistantMessage, warnings: Set<string>): SignedTurn => {
  const thoughts: object[] = [];
  const places = new Map<SignedPlace, string[]>();
  if (reasoning !== undefined && !reasoningBlocks) {
    warnings.add('reasoning of earlier turns is not sent: the service did not sign it');
  }
  for (const block of reasoningBlocks ?? []) {
    const signed: PlacedSignature | undefined = 'signature' in block ? readSignature(block.signature) : undefined;
    if (!signed || !('text' in block)) {
      warnings.add('reasoning of earlier turns is not sent where another service signed it');
      continue;
    }
    const { place, signature } = signed;
    const own = place === 'thought';
    if (own || block.text !== '')
      thoughts.push({ text: block.text, thought: true, ...(own && { thoughtSignature: signature }) });
    if (!own) places.set(place, [...(places.get(place) ?? []), signature]);
  }
  return { thoughts, places };
};

const callPart = ({ id, name, arguments: text }: ToolCall, warnings: Set<string>): object => {
  let args = asObject(text === '' ? {} : parseJson(text));
  if (!args) {
    warnings.add(`the arguments of a call of '${name}' are no JSON object: they are sent as INVALID_JSON`);
    args = { INVALID_JSON: text };
  }
  return { functionCall: { id, name, args } };
};

/** A turn of the model: thoughts, text, calls, each signature in the part that it came in. `mark`: calls that nobody signed get a mark in its place. Adds warnings. */
export const modelParts = (
  message: AssistantMessage,
  text: object[],
  mark: boolean,
  warnings: Set<string>,
): object[] => {
  const { thoughts, places } = readBlocks(message, warnings);
  const calls = message.toolCalls ?? [];
  const take = (place: SignedPlace): { readonly thoughtSignature?: string } => {
    const signature = places.get(place)?.shift();
    return signature === undefined ? {} : { thoughtSignature: signature };
  };
  const isSigned = calls.some((_, index) => places.has(index));
  if (mark && calls.length > 0 && !isSigned) {
    warnings.add('calls of earlier turns have no signature of the service: it is told to take them without a check');
    places.set(0, [UNCHECKED]);
  }
  const called = calls.map((call, index) => ({ ...callPart(call, warnings), ...take(index) }));
  const last = text.at(-1);
  const said = last ? [...text.slice(0, -1), { ...last, ...take('text') }] : [];
  // These came without text, or their part is gone.
  const bare = [...places.values()].flat().map((thoughtSignature) => ({ text: '', thoughtSignature }));
  return [...thoughts, ...said, ...bare, ...called];
};
