import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import OpenAI, { toFile } from 'openai';
import { expect, test } from 'vitest';
import { startGolek } from '../running-golek.fixture.ts';

const FOLDER = path.resolve(import.meta.dirname, '../../../../../shared/models/mnist');

const MODEL = {
  name: 'digits',
  path: path.join(FOLDER, 'opt-mnist.onnx'),
  options: {
    task: 'image-classify',
    preprocessor: { do_rescale: false },
    labels: Array.from({ length: 10 }, (_, digit) => String(digit)),
  },
};

interface Classified {
  readonly data: readonly { readonly label: string }[];
}

test.runIf(existsSync(FOLDER))('pictures of digits are uploaded once and classified by their ids', async () => {
  await using golek = await startGolek({ models: { list: [MODEL] } });
  const client = new OpenAI({ baseURL: `${golek.url}/v1`, apiKey: 'none', maxRetries: 0 });
  const digits = [0, 3, 5, 7];
  const input: { file_id: string }[] = [];
  for (const digit of digits) {
    const file = await toFile(await readFile(path.join(FOLDER, `digit${digit}.jpg`)), `${digit}.jpg`);
    input.push({ file_id: (await client.files.create({ file, purpose: 'vision' })).id });
  }
  const body = { model: 'digits', input, top_k: 1 };
  const { data } = await client.post<Classified>('/classify', { body });
  expect(data.map(({ label }) => label)).toEqual(digits.map(String));
  await client.files.delete(input[0]?.file_id ?? '');
  await expect(client.post('/classify', { body })).rejects.toMatchObject({ status: 404, code: 'not_found' });
  // A model that only reads says so.
  await expect(
    client.chat.completions.create({
      model: 'golek-tiny',
      messages: [{ role: 'user', content: [{ type: 'file', file: { file_id: input[1]?.file_id ?? '' } }] }],
    }),
  ).rejects.toMatchObject({ status: 400, code: 'unsupported', param: 'image_url' });
});
