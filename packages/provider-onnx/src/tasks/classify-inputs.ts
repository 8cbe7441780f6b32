import { GolekError, type AudioPart, type ClassifyRequest, type ImagePart } from '@golek/providers-spi';

type ClassifyInput = ClassifyRequest['inputs'][number];
type Media = ImagePart | AudioPart;
type Kind = 'text' | Media['type'];

const ONE: Readonly<Record<Kind, string>> = { text: 'a text', image: 'a picture', audio: 'a recording' };
const MANY: Readonly<Record<Kind, string>> = { text: 'texts', image: 'pictures', audio: 'recordings' };

const kindOf = (input: ClassifyInput): Kind => (typeof input === 'string' ? 'text' : input.type);

/** Throws `unsupported`, naming the input, where one is of a kind that the model does not take. */
const refuseOthers = (model: string, inputs: readonly ClassifyInput[], wanted: Kind): void => {
  const index = inputs.findIndex((input) => kindOf(input) !== wanted);
  const other = inputs[index];
  if (other === undefined) return;
  throw new GolekError(
    'unsupported',
    `inputs[${index}] is ${ONE[kindOf(other)]}; model '${model}' classifies ${MANY[wanted]}`,
    { details: { option: `input.${kindOf(other)}`, model } },
  );
};

/** The texts of a request. */
export const textInputs = (model: string, inputs: readonly ClassifyInput[]): readonly string[] => {
  refuseOthers(model, inputs, 'text');
  return inputs.filter((input) => typeof input === 'string');
};

/** An input as a file. */
export interface MediaFile {
  /** What it is called in messages. */
  readonly what: string;
  readonly bytes: () => Uint8Array;
}

/** The pictures or recordings of a request. Throws `unsupported` for an address: nothing is fetched for a caller. */
export const mediaInputs = (
  model: string,
  inputs: readonly ClassifyInput[],
  wanted: Media['type'],
): readonly MediaFile[] => {
  refuseOthers(model, inputs, wanted);
  return inputs
    .filter((input) => typeof input !== 'string')
    .map(({ source }, index) => {
      const what = `inputs[${index}]`;
      if (source.kind === 'url')
        throw new GolekError(
          'unsupported',
          `${what} is an address, and model '${model}' runs here, where nothing is fetched; send the bytes of the file in base64`,
          { details: { option: 'input.url', model } },
        );
      return { what, bytes: () => fromBase64(what, source.data) };
    });
};

const fromBase64 = (what: string, text: string): Uint8Array => {
  const bytes = Buffer.from(text, 'base64');
  const digits = text.endsWith('==') ? text.length - 2 : text.endsWith('=') ? text.length - 1 : text.length;
  // Characters that are no digits are left out by the decoder.
  if (bytes.length !== Math.floor((digits * 3) / 4) || bytes.length === 0)
    throw new GolekError('invalid_request', `${what} is not base64`, { details: { field: what } });
  return bytes;
};
