import { execFileSync } from 'node:child_process';
import { GolekError, type ModelManifest } from '@golek/api';
import { expect, test } from 'vitest';
import { curlLine, serveBanner } from './serve-banner.ts';

const url = 'http://127.0.0.1:1';
const model = (name: string, facts: Partial<ModelManifest> = {}): ModelManifest => ({
  name,
  provider: 'gguf',
  source: `/${name}`,
  tasks: ['generate', 'embed'],
  created: 0,
  ...facts,
});

test('the first line is the address; the example uses a model that works', () => {
  const failed = new Map([['bad', new GolekError('model_invalid', 'cut short')]]);
  const models = [model('good'), model('better')];
  expect(serveBanner({ url, models, default: 'bad', failed }).split('\n')).toEqual([
    'golek listens on http://127.0.0.1:1',
    'models: good, better',
    'cannot be used: bad: cut short [model_invalid]',
    curlLine(url, model('good')),
    '',
  ]);
  expect(serveBanner({ url, models, default: 'better', failed })).toContain('"model":"better"');
});

test('of many models some are named', () => {
  const models = Array.from({ length: 32 }, (_, index) => model(`m${index}`));
  const [, line] = serveBanner({ url, models, default: undefined, failed: new Map() }).split('\n');
  expect(line).toMatch(/^models: m0, m1, .*, m29 and 2 more; see golek models list$/);
});

test('the example asks for what the model can do', () => {
  expect(curlLine(url, model('m'))).toContain('/v1/chat/completions');
  expect(curlLine(url, model('m', { chatTemplate: false }))).toContain('/v1/completions');
  expect(curlLine(url, model('m', { tasks: ['embed'] }))).toContain('/v1/embeddings');
  expect(curlLine(url, model('m', { tasks: ['rerank'] }))).toContain('/v1/rerank');
});

test('a model that takes only tensors has no example, and the next one serves', () => {
  const tensors = model('tensors', { tasks: ['tensor'] });
  expect(curlLine(url, tensors)).toBeUndefined();
  const facts = { url, default: 'tensors', failed: new Map<string, GolekError>() };
  expect(serveBanner({ ...facts, models: [tensors, model('chat')] })).toContain('"model":"chat"');
  expect(serveBanner({ ...facts, models: [tensors] })).toBe(`golek listens on ${url}\nmodels: tensors\n`);
});

test('the example has a place for the token where one is needed', () => {
  const banner = serveBanner({ url, models: [model('m')], default: undefined, guarded: true, failed: new Map() });
  expect(banner).toContain('-H "authorization: Bearer $TOKEN"');
  expect(curlLine(url, model('m'))).not.toContain('authorization');
});

test('without a model the remedy stands in place of the example', () => {
  const banner = serveBanner({ url, models: [], default: undefined, failed: new Map() });
  expect(banner).toBe('golek listens on http://127.0.0.1:1\nmodels: none; name one with --model FILE\n');
});

test('the curl line is safe to paste whatever the name', () => {
  const name = `it's "odd" $(touch x)`;
  const script = (curlLine(url, model(name)) ?? '').replace(/^curl/, "printf '%s\\n'");
  const body = JSON.parse(
    execFileSync('sh', ['-c', script], { encoding: 'utf8' }).trim().split('\n').at(-1) ?? '',
  ) as object;
  expect(body).toMatchObject({ model: name });
});
