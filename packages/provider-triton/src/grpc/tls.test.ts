import { collect, GolekError, type NamedTensor, type TensorRequest } from '@golek/api';
import {
  TEST_CA,
  TEST_CLIENT_CERTIFICATE,
  TEST_CLIENT_KEY,
  TEST_SERVER_CERTIFICATE,
  TEST_SERVER_KEY,
} from '@golek/faulty-upstream';
import { ServerCredentials } from '@grpc/grpc-js';
import { expect, onTestFinished, test } from 'vitest';
import { createTritonProvider, type TritonProviderOptions } from '../index.ts';
import { echo } from '../models.fixture.ts';
import { startLoopbackServer } from '../triton-server.fixture.ts';

const X: NamedTensor = { name: 'x', type: 'INT8', shape: [1], data: Uint8Array.of(5) };
const REQUEST: TensorRequest = { task: 'tensor', model: 'm', inputs: [X] };

const asked = async (
  tls: TritonProviderOptions['tls'],
  { clientCertificate = false, host = '127.0.0.1' } = {},
): Promise<readonly NamedTensor[]> => {
  const pair = { private_key: Buffer.from(TEST_SERVER_KEY), cert_chain: Buffer.from(TEST_SERVER_CERTIFICATE) };
  const server = await startLoopbackServer(
    { echo },
    ServerCredentials.createSsl(Buffer.from(TEST_CA), [pair], clientCertificate),
  );
  const baseUrl = server.url.replace('http://127.0.0.1', `https://${host}`);
  const provider = createTritonProvider({ id: 'far', baseUrl, ...(tls && { tls }) });
  onTestFinished(async () => {
    await provider[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });
  const { signal } = new AbortController();
  const session = await provider.open({ name: 'm', location: 'echo', options: { tasks: ['tensor'] } }, { signal });
  const { tensors } = await collect(
    (async function* () {
      yield { type: 'start' as const, model: 'm', provider: 'far' };
      yield* session.run(REQUEST, { id: 'r', signal });
    })(),
  );
  return tensors;
};

const failureOf = async (work: Promise<unknown>): Promise<GolekError> =>
  GolekError.from(
    await work.then(
      () => new Error('nothing failed'),
      (error: unknown) => error,
    ),
  );

test.each(['127.0.0.1', 'localhost'])('a server at %s is trusted by the authority that is given', async (host) => {
  expect(await asked({ ca: TEST_CA }, { host })).toEqual([X]);
});

test('and not without it, nor under another name', async () => {
  expect(await failureOf(asked(undefined))).toMatchObject({
    code: 'provider_failed',
    message: expect.stringContaining('certificate'),
  });
  expect(await asked({ ca: TEST_CA, serverName: 'models.internal' })).toEqual([X]);
  expect((await failureOf(asked({ ca: TEST_CA, serverName: 'else.internal' }))).message).toContain("cert's altnames");
});

test('an address of numbers has to be in the certificate', async () => {
  expect((await failureOf(asked({ ca: TEST_CA }, { host: '127.0.0.2' }))).message).toMatch(/127\.0\.0\.2/);
});

test('a server may want a certificate of its clients', async () => {
  const shown = { ca: TEST_CA, certificate: TEST_CLIENT_CERTIFICATE, key: TEST_CLIENT_KEY };
  expect(await asked(shown, { clientCertificate: true })).toEqual([X]);
  expect((await failureOf(asked({ ca: TEST_CA }, { clientCertificate: true }))).code).toBe('provider_failed');
});
