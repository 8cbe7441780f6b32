import { GolekError, type NamedTensor } from '@golek/api';

/** Bytes that say how long an element is, little-endian. */
const LENGTH_BYTES = 4;

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const broken = (problem: string): GolekError => new GolekError('invalid_request', problem);

/** The elements of serialised BYTES, as views. Throws `invalid_request` for bytes that are cut; `what` names the tensor. */
export const splitElements = (bytes: Uint8Array, what: string): Uint8Array[] => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const elements: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    if (at + LENGTH_BYTES > bytes.length)
      throw broken(`${what}: the length of element ${elements.length} is cut: its bytes end at ${bytes.length}`);
    const start = at + LENGTH_BYTES;
    at = start + view.getUint32(at, true);
    if (at > bytes.length)
      throw broken(
        `${what}: element ${elements.length} ends at byte ${at} of ${bytes.length}; each begins with its length, 4 bytes little-endian`,
      );
    elements.push(bytes.subarray(start, at));
  }
  return elements;
};

/** Elements as serialised BYTES: of each its length and then its content. */
export const joinElements = (elements: readonly Uint8Array[]): Uint8Array<ArrayBuffer> => {
  const total = elements.reduce((sum, { length }) => sum + LENGTH_BYTES + length, 0);
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const element of elements) {
    view.setUint32(at, element.length, true);
    bytes.set(element, at + LENGTH_BYTES);
    at += LENGTH_BYTES + element.length;
  }
  return bytes;
};

/** The texts of elements; undefined where one is not UTF-8. */
export const textElements = (elements: readonly Uint8Array[]): string[] | undefined => {
  try {
    return elements.map((element) => DECODER.decode(element));
  } catch {
    return undefined;
  }
};

/** What a BYTES tensor holds of these elements: texts, or their serialised form where one is not UTF-8. */
export const bytesData = (elements: readonly Uint8Array[]): NamedTensor['data'] =>
  textElements(elements) ?? joinElements(elements);

/** The elements of a BYTES tensor. Throws as `splitElements` does. */
export const bytesElements = ({ name, data }: NamedTensor): Uint8Array[] =>
  data instanceof Uint8Array ? splitElements(data, `'${name}'`) : data.map((text) => ENCODER.encode(text));
