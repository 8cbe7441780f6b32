import type { NamedTensor } from '@golek/api';
import { tensorValues } from '@golek/protocols/tensors';

/** Values of one tensor that are shown. */
const SHOWN = 64;

/** A tensor for people: name, type, shape and its first values. */
export const tensorText = (tensor: NamedTensor): string => {
  const { name, type, shape } = tensor;
  const values = tensorValues(tensor);
  const first = values.slice(0, SHOWN).map((value) => (type === 'BYTES' ? JSON.stringify(value) : String(value)));
  const more = values.length > SHOWN ? ` … ${values.length - SHOWN} more; --json prints all` : '';
  return `${name} ${type} [${shape.join(', ')}]\n  ${first.join(' ')}${more}\n`;
};
