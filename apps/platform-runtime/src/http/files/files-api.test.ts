import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import Anthropic from '@anthropic-ai/sdk';
import { DataFolder } from '@golek/core';
import type { Authenticator } from '@golek/plugins-api';
import { REQUEST_OPTIONS } from '@golek/providers-spi';
import type { FakeModel } from '@golek/providers-spi/testing';
import OpenAI, { toFile } from 'openai';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { FileLimits } from '../../files/file-ledger.ts';
import { FileStore } from '../../files/file-store.ts';
import { mediaPhase } from '../../files/media-phase.ts';
import { dial, sendRaw } from '../raw-exchange.fixture.ts';
import { serve, type TestServer } from '../server.fixture.ts';
import { fileRoutes } from './file-routes.ts';

/** What files of each kind begin with, and some more. */
const bytesOf = (beginning: string, length = 100): Buffer =>
  Buffer.concat([Buffer.from(beginning, 'latin1'), Buffer.alloc(Math.max(0, length - beginning.length), 7)]);
const PNG = bytesOf('\x89PNG\r\n\x1a\n');
const WAV = bytesOf('RIFF\x10\0\0\0WAVEfmt ');
const KINDS = [
  ['a.png', PNG, 'image/png'],
  ['a.jpg', bytesOf('\xff\xd8\xff\xe0'), 'image/jpeg'],
  ['a.webp', bytesOf('RIFF\x10\0\0\0WEBP'), 'image/webp'],
  ['a.gif', bytesOf('GIF89a'), 'image/gif'],
  ['a.wav', WAV, 'audio/wav'],
] as const;

const LIMITS: FileLimits = {
  maxBytes: 10_000,
  maxTenantBytes: 25_000,
  maxTotalBytes: 40_000,
  maxTenantFiles: 5,
  maxFiles: 7,
  maxAgeSeconds: 86_400,
};

/** Tells what pictures it was asked about. */
const SEEING: FakeModel = {
  answer: ({ input }) =>
    input.type === 'chat'
      ? [JSON.stringify(input.messages.flatMap(({ content }) => content.filter(({ type }) => type !== 'text')))]
      : [],
};

/** A caller's token is its tenant. */
const BY_TOKEN: Authenticator = {
  name: 'tokens',
  authenticate: ({ headers: { authorization } }) => {
    const tenant = String(authorization).replace('Bearer ', '');
    return { id: tenant, tenant, scopes: ['inference'] };
  },
};

interface Setting {
  readonly server: TestServer;
  readonly store: FileStore;
  readonly home: string;
  readonly client: OpenAI;
  readonly as: (tenant: string) => OpenAI;
}

interface SetUp {
  readonly limits?: Partial<FileLimits>;
  readonly now?: () => number;
  readonly home?: string;
  readonly bodyLimitBytes?: number;
  /** Without credentials, as on one's own machine; pages of these origins may use it. */
  readonly origins?: readonly string[];
}

const setUp = async ({
  limits = {},
  now,
  home: given,
  bodyLimitBytes = 100_000,
  origins,
}: SetUp = {}): Promise<Setting> => {
  const home = given ?? (await mkdtemp(path.join(tmpdir(), 'golek-files-')));
  onTestFinished(() => rm(home, { recursive: true, force: true }));
  const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
  const data = new DataFolder(home);
  const store = new FileStore({ data, log, limits: () => ({ ...LIMITS, ...limits }), ...(now && { now }) });
  await store.load();
  onTestFinished(() => store[Symbol.asyncDispose]());
  const server = await serve(
    { tiny: SEEING, blind: { options: REQUEST_OPTIONS.filter((option) => option !== 'input.image') } },
    {
      routes: fileRoutes(store),
      phases: [mediaPhase({ files: store, mostBytes: () => bodyLimitBytes })],
      ...(origins ? { config: { origins } } : { authenticators: [BY_TOKEN] }),
    },
  );
  const as = (tenant: string): OpenAI => new OpenAI({ baseURL: `${server.url}/v1`, apiKey: tenant, maxRetries: 0 });
  return { server, store, home, client: as('mine'), as };
};

const upload = async (client: OpenAI, bytes: Buffer = PNG, name = 'a.png'): Promise<OpenAI.FileObject> =>
  client.files.create({ file: await toFile(bytes, name), purpose: 'vision' });

/** Files below the folder of uploads. */
const kept = async (home: string): Promise<string[]> =>
  (await readdir(path.join(home, 'tmp'), { recursive: true, withFileTypes: true }).catch(() => []))
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);

describe("OpenAI's client", () => {
  test.each(KINDS)('%s: created, described, listed, read, deleted', async (name, bytes, type) => {
    const { client, home } = await setUp();
    const before = Math.floor(Date.now() / 1000);
    const file = await upload(client, bytes, name);
    expect(file).toMatchObject({ object: 'file', bytes: bytes.length, filename: name, purpose: 'vision' });
    expect(file.created_at).toBeGreaterThanOrEqual(before);
    expect(file.expires_at).toBe(file.created_at + LIMITS.maxAgeSeconds);
    expect(await client.files.retrieve(file.id)).toMatchObject({ id: file.id, filename: name });
    const content = await client.files.content(file.id);
    expect(content.headers.get('content-type')).toBe(type);
    expect(content.headers.get('content-disposition')).toBe('attachment');
    expect(Buffer.from(await content.arrayBuffer())).toEqual(bytes);
    expect((await client.files.list()).data.map(({ id }) => id)).toEqual([file.id]);
    expect(await client.files.delete(file.id)).toEqual({ id: file.id, object: 'file', deleted: true });
    await expect(client.files.retrieve(file.id)).rejects.toMatchObject({ status: 404, code: 'not_found' });
    expect(await kept(home)).toEqual([]);
  });

  test('pages of a list', async () => {
    const { client } = await setUp();
    const ids: string[] = [];
    for (const name of ['1', '2', '3', '4']) ids.push((await upload(client, PNG, name)).id);
    const page = await client.files.list({ limit: 3, order: 'asc' });
    expect(page.data.map(({ id }) => id)).toEqual(ids.slice(0, 3));
    expect(page.has_more).toBe(true);
    const all: string[] = [];
    for await (const { id } of client.files.list({ limit: 3 })) all.push(id);
    expect(all).toEqual(ids.toReversed());
    expect((await client.files.list({ purpose: 'user_data' })).data).toEqual([]);
    await expect(client.files.list({ after: 'file-x' })).rejects.toMatchObject({ status: 404, param: 'after' });
  });

  test('a time until it goes', async () => {
    const { client } = await setUp();
    const expires_after = { anchor: 'created_at', seconds: 3600 } as const;
    const file = await client.files.create({ file: await toFile(PNG, 'a.png'), purpose: 'user_data', expires_after });
    expect(file.expires_at).toBe(file.created_at + 3600);
    const soon = { ...expires_after, seconds: 59 };
    await expect(
      client.files.create({ file: await toFile(PNG, 'a.png'), purpose: 'vision', expires_after: soon }),
    ).rejects.toMatchObject({ status: 400, param: 'expires_after[seconds]' });
  });
});

describe('a file in a request', () => {
  const picture = (data: Buffer) => ({
    type: 'image',
    source: { kind: 'base64', mediaType: 'image/png', data: data.toString('base64') },
  });

  test("OpenAI's chat", async () => {
    const { client } = await setUp();
    const { id: file_id } = await upload(client);
    const answer = await client.chat.completions.create({
      model: 'tiny',
      messages: [{ role: 'user', content: [{ type: 'file', file: { file_id } }] }],
    });
    expect(JSON.parse(answer.choices[0]?.message.content ?? '')).toEqual([picture(PNG)]);
  });

  test("Anthropic's messages, and its errors", async () => {
    const { client, server } = await setUp();
    const { id: file_id } = await upload(client);
    const anthropic = new Anthropic({ baseURL: server.url, authToken: 'mine', apiKey: null, maxRetries: 0 });
    const ask = (id: string): Promise<Anthropic.Beta.BetaMessage> =>
      anthropic.beta.messages.create({
        model: 'tiny',
        max_tokens: 10,
        messages: [{ role: 'user', content: [{ type: 'image', source: { type: 'file', file_id: id } }] }],
      });
    const [block] = (await ask(file_id)).content;
    expect(JSON.parse(block?.type === 'text' ? block.text : '')).toEqual([picture(PNG)]);
    await expect(ask('file-none')).rejects.toMatchObject({
      status: 404,
      error: { error: { type: 'not_found_error', message: expect.stringContaining("no file 'file-none'") as string } },
    });
  });

  const chatWith = (client: OpenAI, file_id: string, model = 'tiny'): Promise<unknown> =>
    client.chat.completions.create({
      model,
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'x' },
            { type: 'file', file: { file_id } },
          ],
        },
      ],
    });

  test('of another tenant is not found, for whatever is done with it', async () => {
    const { client, as } = await setUp();
    const { id } = await upload(client);
    const other = as('other');
    const missing = { status: 404, code: 'not_found' };
    await expect(chatWith(other, id)).rejects.toMatchObject(missing);
    await expect(other.files.retrieve(id)).rejects.toMatchObject(missing);
    await expect(other.files.content(id)).rejects.toMatchObject(missing);
    await expect(other.files.delete(id)).rejects.toMatchObject(missing);
    expect((await other.files.list()).data).toEqual([]);
    await chatWith(client, id);
  });

  test('a recording in a chat, a model that sees nothing, and too much together are refused', async () => {
    const { client } = await setUp({ bodyLimitBytes: 250 });
    const recording = await upload(client, WAV, 'a.wav');
    await expect(chatWith(client, recording.id)).rejects.toMatchObject({
      status: 400,
      param: 'image_url',
      message: expect.stringContaining('the picture in messages[0].content[1] is a recording') as string,
    });
    const { id } = await upload(client);
    await expect(chatWith(client, id, 'blind')).rejects.toMatchObject({
      status: 400,
      code: 'unsupported',
      param: 'image_url',
    });
    const part = { type: 'file', file: { file_id: id } } as const;
    await expect(
      client.chat.completions.create({ model: 'tiny', messages: [{ role: 'user', content: [part, part, part] }] }),
    ).rejects.toMatchObject({ status: 413, code: 'request_too_large' });
  });
});

describe('pictures that are sent along', () => {
  const ask = async ({ server }: Setting, url: string): Promise<{ status: number; text: string }> => {
    const response = await server.post(
      '/v1/chat/completions',
      { model: 'tiny', messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }] },
      { headers: { 'content-type': 'application/json', authorization: 'Bearer mine' } },
    );
    return { status: response.status, text: await response.text() };
  };

  test('have the type that their bytes have', async () => {
    const answer = await ask(await setUp(), `data:image/jpeg;base64,${PNG.toString('base64')}`);
    expect(answer.text).toContain('image/png');
  });

  test.each([
    [`data:image/png;base64,${bytesOf('%PDF-1.7').toString('base64')}`, 'is a file of the format PDF'],
    [`data:image/png;base64,${WAV.toString('base64')}`, 'is a file of the format WAV'],
    ['data:image/png;base64,AAAA', 'is of no format that is known here'],
  ])('%.40s is refused', async (url, message) => {
    const { status, text } = await ask(await setUp(), url);
    expect(status).toBe(400);
    expect(text).toContain(`the picture in messages[0].content[0] ${message}; send a PNG, JPEG, WebP or GIF file`);
  });
});

describe('refused', () => {
  test.each([
    ['a PDF', bytesOf('%PDF-1.7'), 'the file is a file of the format PDF; PNG, JPEG, WebP, GIF, WAV are kept'],
    ['a short text', Buffer.from('hello'), 'the file is of no format that is known here'],
    ['markup', bytesOf('<svg xmlns="http://www.w3.org/2000/svg">'), 'the file is a file of the format SVG or XML'],
  ])('%s', async (_name, bytes, message) => {
    const { client, home } = await setUp();
    await expect(upload(client, bytes)).rejects.toMatchObject({
      status: 415,
      code: 'unsupported_media_type',
      param: 'file',
      message: expect.stringContaining(message) as string,
    });
    expect(await kept(home)).toEqual([]);
  });

  const form = (fields: Record<string, string | Blob>): FormData => {
    const data = new FormData();
    for (const [name, value] of Object.entries(fields)) data.append(name, value);
    return data;
  };
  const file = new File([new Uint8Array(PNG)], 'a.png');

  test.each([
    ['no file', form({ purpose: 'vision' }), '400 invalid_request file'],
    ['a text as the file', form({ purpose: 'vision', file: 'x' }), '400 invalid_request file'],
    ['an empty file', form({ purpose: 'vision', file: new File([], 'a') }), '400 invalid_request file'],
    ['no purpose', form({ file }), '400 invalid_request purpose'],
    ['another purpose', form({ file, purpose: 'batch' }), '400 unsupported purpose'],
    ['another field', form({ file, purpose: 'vision', colour: 'red' }), '400 unknown_parameter colour'],
    ['a long field', form({ file, purpose: 'v'.repeat(2000) }), '400 invalid_request purpose'],
    ['another file', form({ file, purpose: 'vision', more: file }), '400 unknown_parameter more'],
    ['JSON', JSON.stringify({ purpose: 'vision' }), '415 unsupported_media_type null'],
  ])('%s', async (_name, body, expected) => {
    const { server, home } = await setUp();
    const headers = { authorization: 'Bearer mine' };
    const response = await fetch(`${server.url}/v1/files`, { method: 'POST', headers, body });
    const { error } = (await response.json()) as { error: { code: string; param: string | null } };
    expect(`${response.status} ${error.code} ${String(error.param)}`).toBe(expected);
    expect(await kept(home)).toEqual([]);
  });

  test('what is too large, too many, or too much for the tenant or the server', async () => {
    const { client, as, home } = await setUp();
    await expect(upload(client, bytesOf('GIF89a', 10_001))).rejects.toMatchObject({
      status: 413,
      message: expect.stringContaining('larger than 10000 bytes (files.maxBytes)') as string,
    });
    expect(await kept(home)).toEqual([]);
    const large = bytesOf('GIF89a', 10_000);
    await upload(client, large);
    await upload(client, large);
    await expect(upload(client, large)).rejects.toMatchObject({
      status: 409,
      message: expect.stringMatching(/more than 25000 bytes .* delete some with DELETE/) as string,
    });
    const other = as('other');
    await upload(other, large);
    await expect(upload(other, bytesOf('GIF89a', 10_000))).resolves.toBeDefined();
    await expect(upload(as('third'), large)).rejects.toMatchObject({ status: 503, code: 'overloaded' });
    for (const { id } of (await client.files.list()).data) await client.files.delete(id);
    for (let count = 0; count < 5; count += 1) await upload(client, bytesOf('GIF89a', 20));
    await expect(upload(client)).rejects.toMatchObject({
      status: 409,
      message: expect.stringContaining('you have 5 files') as string,
    });
    await expect(upload(as('third'))).rejects.toMatchObject({ status: 503 });
  });

  test('several at once do not pass a limit together', async () => {
    const { client } = await setUp({ limits: { maxTenantFiles: 100, maxFiles: 100 } });
    const large = bytesOf('GIF89a', 9000);
    const outcomes = await Promise.allSettled(Array.from({ length: 6 }, () => upload(client, large)));
    expect(outcomes.filter(({ status }) => status === 'fulfilled').length).toBeLessThanOrEqual(2);
    expect((await client.files.list()).data.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(25_000);
  });
});

describe('nothing is left of an upload', () => {
  const head = (length: number): string =>
    `POST /v1/files HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer mine\r\nconnection: close\r\n` +
    `content-type: multipart/form-data; boundary=b\r\ncontent-length: ${length}\r\n\r\n`;
  const begun = `--b\r\ncontent-disposition: form-data; name="file"; filename="a.gif"\r\n\r\nGIF89a${'x'.repeat(500)}`;

  test.each([
    [undefined, 200],
    ['http://localhost:3000', 200],
    ['https://app.example.com', 200],
    ['https://other.example.com', 403],
    ['null', 403],
  ])('of a web page from elsewhere: %s', async (origin, status) => {
    const { server } = await setUp({ origins: ['https://app.example.com'] });
    const body = new FormData();
    body.set('purpose', 'vision');
    body.set('file', new Blob([new Uint8Array(PNG)]), 'a.png');
    const headers: Record<string, string> = origin === undefined ? {} : { origin };
    const response = await fetch(`${server.url}/v1/files`, { method: 'POST', body, headers });
    expect(response.status).toBe(status);
    expect(await response.text()).toContain(status === 200 ? '"object":"file"' : 'add its origin to http.origins');
  });

  test('whose client leaves in the middle', async () => {
    const { server, home, client } = await setUp();
    const socket = await dial(server.url);
    socket.write(head(5000) + begun);
    await expect.poll(() => kept(home)).toHaveLength(1);
    socket.destroy();
    await expect.poll(() => kept(home)).toEqual([]);
    // What it had taken of the limits is given back.
    for (let count = 0; count < 2; count += 1) await upload(client, bytesOf('GIF89a', 10_000));
  });

  test('that ends before its last boundary', async () => {
    const { server, home } = await setUp();
    const answer = await sendRaw(server.url, head(begun.length) + begun);
    expect(answer).toMatch(/^HTTP\/1.1 400 .*it ends before its last boundary/s);
    expect(await kept(home)).toEqual([]);
  });
});

describe('over time', () => {
  test('a file goes when it is too old', async () => {
    let now = Date.now();
    const { client, home } = await setUp({ now: () => now });
    const { id } = await upload(client);
    now += LIMITS.maxAgeSeconds * 1000;
    await expect(client.files.retrieve(id)).rejects.toMatchObject({ status: 404 });
    expect((await client.files.list()).data).toEqual([]);
    const next = await upload(client);
    expect((await kept(home)).sort()).toEqual([`${next.id}.bin`, `${next.id}.json`]);
  });

  test('files are there after a restart, and what is damaged or half there is removed', async () => {
    const first = await setUp();
    const good = await upload(first.client, PNG, 'good.png');
    const damaged = await upload(first.client, PNG, 'damaged.png');
    const lost = await upload(first.client, PNG, 'lost.png');
    const uploads = path.join(first.home, 'tmp/uploads');
    const [folder = ''] = await readdir(uploads);
    await writeFile(path.join(uploads, folder, `${damaged.id}.json`), '{"id":');
    await rm(path.join(uploads, folder, `${lost.id}.bin`));
    await writeFile(path.join(uploads, folder, 'left.bin'), 'x');
    const second = await setUp({ home: first.home });
    expect((await second.client.files.list()).data.map(({ filename }) => filename)).toEqual(['good.png']);
    expect((await kept(first.home)).sort()).toEqual([`${good.id}.bin`, `${good.id}.json`]);
    const facts = JSON.parse(await readFile(path.join(uploads, folder, `${good.id}.json`), 'utf8')) as object;
    expect(facts).toMatchObject({
      tenant: 'mine',
      format: 'PNG',
      digest: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    });
  });
});
