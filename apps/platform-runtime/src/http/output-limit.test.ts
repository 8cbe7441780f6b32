import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startFaultyUpstream } from '@golek/faulty-upstream';
import { CONFIGURATION_MANAGER } from '@golek/system';
import { expect, onTestFinished, test } from 'vitest';
import { composeServer } from '../compose-server.ts';
import { loadSettings } from '../config/platform-config.ts';
import { HTTP_SERVER } from '../modules/http-module.ts';

/** A server with a data folder of its own. */
const started = async (yaml: string) => {
  const home = await mkdtemp(path.join(tmpdir(), 'golek-output-limit-'));
  onTestFinished(() => rm(home, { recursive: true, force: true }));
  await writeFile(path.join(home, 'golek.yaml'), yaml);
  const environment = { GOLEK_HOME: home, GOLEK_HTTP_PORT: '0', GOLEK_LOG_LEVEL: 'silent', GOLEK_GGUF_THREADS: '1' };
  const { system } = await composeServer(await loadSettings({ environment }));
  onTestFinished(() => system.stop());
  await system.start();
  const { url } = system.get(HTTP_SERVER).address;
  const ask = async (model: string, rest: object = {}, where = 'chat/completions') => {
    const body = where === 'completions' ? { prompt: 'Once' } : { messages: [{ role: 'user', content: 'Count.' }] };
    const response = await fetch(`${url}/v1/${where}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model, ...body, ...rest }),
    });
    return { status: response.status, text: await response.text() };
  };
  return { system, ask };
};

// golek-tiny's end of a turn is forbidden, so that only a limit or the context ends it.
const ENDLESS = { temperature: 0, logit_bias: { 2: -100 } };
const counted = (text: string): unknown => JSON.parse(text);

test('an answer without a limit of its own ends at limits.maxOutputTokens, streamed or not; more is refused; a change counts at once', async () => {
  const { system, ask } = await started('limits: { maxOutputTokens: 24 }\n');
  const bounded = { usage: { completion_tokens: 24 }, choices: [{ finish_reason: 'length' }] };
  const plain = await ask('golek-tiny', ENDLESS);
  expect(counted(plain.text)).toMatchObject(bounded);
  const streamed = await ask('golek-tiny', { ...ENDLESS, stream: true, stream_options: { include_usage: true } });
  expect(streamed.text).toContain('"completion_tokens":24');
  expect(streamed.text).toContain('"finish_reason":"length"');
  expect(await ask('golek-tiny', { max_tokens: 25 })).toMatchObject({
    status: 400,
    text: expect.stringContaining("max_tokens is 25, more than this server's limit of 24 (limits.maxOutputTokens)"),
  });
  await system.get(CONFIGURATION_MANAGER).set('limits.maxOutputTokens', 5, { signal: AbortSignal.timeout(10_000) });
  expect(counted((await ask('golek-tiny', ENDLESS)).text)).toMatchObject({ usage: { completion_tokens: 5 } });
  // OpenAI's default of 16 is not what the client asked for.
  const legacy = await ask('golek-tiny', ENDLESS, 'completions');
  expect(counted(legacy.text)).toMatchObject({ usage: { completion_tokens: 5 } });
  const asked = await ask('golek-tiny', { ...ENDLESS, max_tokens: 16 }, 'completions');
  expect(asked).toMatchObject({ status: 400, text: expect.stringContaining('max_tokens is 16') });
});

test('another service gets the limit as max_tokens, except for a model whose context is not larger', async () => {
  const upstream = await startFaultyUpstream();
  onTestFinished(() => upstream[Symbol.asyncDispose]());
  const { ask } = await started(`
limits: { maxOutputTokens: 24 }
upstreams: [{ id: farm, baseUrl: '${upstream.url}' }]
models:
  list:
    - { name: large, provider: farm, model: good, options: { contextLength: 4096 } }
    - { name: small, provider: farm, model: good, options: { contextLength: 24 } }
    - { name: unknown, provider: farm, model: good }
`);
  for (const model of ['large', 'small', 'unknown']) expect(await ask(model)).toMatchObject({ status: 200 });
  expect(upstream.calls.map(({ body }) => (body as { max_tokens?: number }).max_tokens)).toEqual([24, undefined, 24]);
});
