import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { golekTiny } from '@golek/model-tiny';

const KEY = 'tokenizer.chat_template';
const STRING_TYPE_LENGTH = 4;

/** Writes golek-tiny with another chat template, which takes the place of its own: spaces in a comment make up for the length. */
export const tinyWithTemplate = async (template: string): Promise<string> => {
  const file = await readFile(golekTiny.path);
  const start = file.indexOf(KEY) + KEY.length + STRING_TYPE_LENGTH;
  const room = Number(file.readBigUInt64LE(start));
  const spaces = room - Buffer.byteLength(template) - '{##}'.length;
  if (spaces < 0) throw new Error(`the template may have ${room - 4} bytes`);
  file.write(`${template}{#${' '.repeat(spaces)}#}`, start + 8);
  const location = path.join(await mkdtemp(path.join(tmpdir(), 'golek-template-')), 'tiny.gguf');
  await writeFile(location, file);
  return location;
};

/** Turns in golek-tiny's own way, what the assistant begins with, and whatever else a family's template says. */
export const chatTemplate = (begins = '', further = ''): string =>
  `${further}{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{% endfor %}` +
  `{{ '<|im_start|>assistant\\n${begins}' }}`;
