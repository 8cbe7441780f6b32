import { on, once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { collect, type EmbedRequest, type GenerateRequest } from '@golek/api';
import { createCall } from '@golek/kernel';
import { ENGINE, MODELS } from '@golek/system';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket as WebSocketClient } from 'ws';
import { composeServer } from './compose-server.ts';
import { loadSettings } from './config/platform-config.ts';
import { HTTP_SERVER } from './modules/http-module.ts';

let home: string;
beforeAll(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'golek-platform-'));
  await mkdir(path.join(home, 'models'));
  await writeFile(path.join(home, 'models/broken.gguf'), 'this is no model');
});
afterAll(() => rm(home, { recursive: true, force: true }));

const settings = (more: Record<string, string> = {}) =>
  loadSettings({ environment: { GOLEK_HOME: home, GOLEK_HTTP_PORT: '0', GOLEK_LOG_LEVEL: 'silent', ...more } });

const { signal } = new AbortController();
const ask = (model: string): GenerateRequest => ({
  task: 'generate',
  model,
  input: { type: 'chat', messages: [{ role: 'user', content: [{ type: 'text', text: 'Who are you?' }] }] },
  sampling: { temperature: 0 },
});

const EMBED: EmbedRequest = { task: 'embed', model: 'golek-tiny', inputs: ['a'] };

test('every setting is read by the server', async () => {
  const given = await settings({ GOLEK_GRPC_PORT: '0' });
  const { system, drain } = await composeServer(given);
  await using running = system;
  await running.start();
  const { url } = running.get(HTTP_SERVER).address;
  // What may change while it works is read when it is needed: by a request, and when it ends.
  await collect(running.get(ENGINE).run(createCall({ request: { ...ask('golek-tiny'), maxTokens: 1 }, signal })));
  await collect(running.get(ENGINE).run(createCall({ request: EMBED, signal }))).catch(() => undefined);
  const form = new FormData();
  form.set('purpose', 'vision');
  form.set('file', new File(['GIF89a'], 'a.gif'));
  await fetch(`${url}/v1/files`, { method: 'POST', body: form });
  const body = JSON.stringify({ model: 'golek-tiny', input: 'a', max_output_tokens: 16, background: true });
  await fetch(`${url}/v1/responses`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/ws`);
  await once(socket, 'open');
  const tools = [{ type: 'function', function: { name: 'now', parameters: { type: 'object', properties: {} } } }];
  const chat = { model: 'golek-tiny', messages: [{ role: 'user', content: 'a' }], tools, tool_choice: 'required' };
  socket.send(JSON.stringify({ type: 'start', id: 'a', task: 'chat', request: chat }));
  for await (const [{ data }] of on(socket, 'message') as AsyncIterable<[{ data: string }]>)
    if (/"type":"(?:finished|error)"/.test(data)) break;
  socket.close();
  await drain();
  expect(given.configuration.unread()).toEqual([]);
});

test('a broken file is left out of the models; a request for it is answered with the reason; others work', async () => {
  const { system } = await composeServer(await settings());
  await using running = system;
  await running.start();
  expect(running.get(MODELS).names()).toEqual(['golek-tiny', 'golek-embed']);
  const engine = running.get(ENGINE);
  const run = (model: string) => collect(engine.run(createCall({ request: ask(model), signal })));
  await expect(run('broken')).rejects.toMatchObject({ code: 'model_invalid' });
  await expect(run('brokn')).rejects.toMatchObject({ code: 'model_not_found' });
  expect((await run('golek-tiny')).choices[0]?.text).toContain('golek-tiny');
});

test('an ONNX file of the models folder is found, listed and run', async () => {
  const softmax = 'CAg6OAoPCgF4EgF5IgdTb2Z0bWF4EgFnWhAKAXgSCwoJCAESBQoDEgFuYhAKAXkSCwoJCAESBQoDEgFuQgIQEQ==';
  const file = path.join(home, 'models/softmax.onnx');
  await writeFile(file, Buffer.from(softmax, 'base64'));
  const { system } = await composeServer(await settings());
  await using running = system;
  await running.start();
  expect(running.get(MODELS).names()).toEqual(['softmax', 'golek-tiny', 'golek-embed']);
  const x = { name: 'x', type: 'FP32' as const, shape: [1], data: new Uint8Array(Float32Array.of(3).buffer) };
  const request = { task: 'tensor' as const, model: 'softmax', inputs: [x] };
  const { tensors } = await collect(running.get(ENGINE).run(createCall({ request, signal })));
  expect(tensors).toEqual([{ ...x, name: 'y', data: new Uint8Array(Float32Array.of(1).buffer) }]);
  await rm(file);
});

test('http.origins lets web pages use HTTP, WebSockets and MCP, and changes while the server works', async () => {
  const origin = 'https://app.example.com';
  const given = await settings({ GOLEK_HTTP_ORIGINS: origin });
  const { system } = await composeServer(given);
  await using running = system;
  await running.start();
  const { url } = running.get(HTTP_SERVER).address;
  const asked = { origin, 'access-control-request-method': 'POST' };
  const preflight = async () => (await fetch(`${url}/mcp`, { method: 'OPTIONS', headers: asked })).status;
  const statusAndOrigin = ({ status, headers }: Response) => [status, headers.get('access-control-allow-origin')];
  const ping = async () => {
    const headers = { origin, 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' });
    return statusAndOrigin(await fetch(`${url}/mcp`, { method: 'POST', headers, body }));
  };
  expect(statusAndOrigin(await fetch(`${url}/v1/models`, { headers: { origin } }))).toEqual([200, origin]);
  expect(await preflight()).toBe(204);
  // Refused for want of a session, not for its origin.
  expect(await ping()).toEqual([400, origin]);
  const socket = new WebSocketClient(`${url.replace('http', 'ws')}/v1/ws`, { origin });
  await once(socket, 'open');
  socket.close();
  const put = { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ value: [] }) };
  expect((await fetch(`${url}/admin/v1/config/http.origins`, put)).status).toBe(200);
  expect(await preflight()).toBe(405);
  expect(await ping()).toEqual([403, null]);
});

test('draining takes the readiness back and refuses new requests', async () => {
  const { system, drain } = await composeServer(await settings());
  await using running = system;
  await running.start();
  const { url } = running.get(HTTP_SERVER).address;
  expect((await fetch(`${url}/health/ready`)).status).toBe(200);
  expect(await drain()).toBe(true);
  expect((await fetch(`${url}/health/ready`)).status).toBe(503);
  expect((await fetch(`${url}/health/live`)).status).toBe(200);
  const refused = collect(running.get(ENGINE).run(createCall({ request: ask('golek-tiny'), signal })));
  await expect(refused).rejects.toMatchObject({ code: 'shutting_down' });
});
