import { readFile } from 'node:fs/promises';
import { GolekError, type NamedTensor } from '@golek/api';
import { JsonTensor, readTensor } from '@golek/protocols/tensors';
import { z } from 'zod';
import { UsageError } from '../exit-code.ts';
import type { Fields } from './input-lines.ts';
import { readNpy } from './npy.ts';

const NAMED_FILE = /^([^=]+)=(.+)$/;

/** A tensor as a file of its own: the name comes from the command line. */
const TensorFile = JsonTensor.omit({ name: true });

const Request = z.object({ inputs: z.array(JsonTensor), outputs: z.array(z.string().min(1)).min(1).nullish() });

const remarkOf = (error: z.ZodError): string => z.prettifyError(error).replaceAll(/\s*\n\s*/g, ' ');

/** Reads `NAME=FILE`, a .npy file or JSON with `type`, `data` and perhaps `shape`. Throws UsageError. */
export const readTensorFlag = async (flag: string): Promise<NamedTensor> => {
  const [, name, file] = NAMED_FILE.exec(flag) ?? [];
  if (name === undefined || file === undefined)
    throw new UsageError(`--tensor takes NAME=FILE, such as x=image.npy, got '${flag}'`);
  try {
    const content = await readFile(file);
    if (/\.npy$/i.test(file)) return readNpy(name, content);
    const { data, error } = TensorFile.safeParse(JSON.parse(content.toString('utf8')));
    if (!data) throw new Error(remarkOf(error));
    return readTensor({ name, ...data }, name);
  } catch (thrown) {
    throw new UsageError(`--tensor ${flag}: ${(thrown as Error).message}`);
  }
};

export interface TensorInputs {
  readonly inputs: NamedTensor[];
  /** Names of the outputs wanted; absent: all. */
  readonly outputs?: string[];
}

/** The inputs of a line or a file. Throws `invalid_request`. */
export const readTensorFields = (fields: Fields): TensorInputs => {
  const { data, error } = Request.safeParse(fields);
  if (!data) throw new GolekError('invalid_request', `its tensors cannot be read: ${remarkOf(error)}`);
  return {
    inputs: data.inputs.map((tensor, index) => readTensor(tensor, `inputs[${index}]`)),
    ...(data.outputs != null && { outputs: data.outputs }),
  };
};
