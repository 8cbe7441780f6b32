import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { GolekError } from '@golek/api';
import { golekEmbed } from '@golek/model-embed';
import { golekTiny } from '@golek/model-tiny';
import { definePlugin } from '@golek/plugins-api';
import { fakeProvider } from '@golek/providers-spi/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPortableRuntime, type PortableRuntime } from './index.ts';

const greedy = { sampling: { temperature: 0 } } as const;

/** y is the softmax of x. */
const SOFTMAX = 'CAg6OAoPCgF4EgF5IgdTb2Z0bWF4EgFnWhAKAXgSCwoJCAESBQoDEgFuYhAKAXkSCwoJCAESBQoDEgFuQgIQEQ==';

it.each(['in-process', 'process'] as const)('runs an ONNX file, found by its extension, %s', async (isolation) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'golek-portable-'));
  const file = path.join(folder, 'softmax.onnx');
  await writeFile(file, Buffer.from(SOFTMAX, 'base64'));
  const golek = await createPortableRuntime({ models: { softmax: file }, isolation, onnx: { threads: 1 } });
  try {
    expect(golek.models).toMatchObject([{ name: 'softmax', provider: 'onnx', tasks: ['tensor'] }]);
    const x = { name: 'x', type: 'FP32' as const, shape: [2], data: new Uint8Array(Float32Array.of(1, 1).buffer) };
    const { tensors } = await golek.run({ task: 'tensor', model: 'softmax', inputs: [x] }).result();
    const y = { name: 'y', type: 'FP32', shape: [2], data: new Uint8Array(Float32Array.of(0.5, 0.5).buffer) };
    expect(tensors).toEqual([y]);
  } finally {
    await golek.close();
    await rm(folder, { recursive: true });
  }
});

describe('with the shipped models', () => {
  let golek: PortableRuntime;
  beforeAll(async () => {
    golek = await createPortableRuntime({ gguf: { threads: 1, gpu: false }, onnx: { threads: 1 } });
  });
  afterAll(() => golek.close());

  it('has them registered and loads each with its first request', async () => {
    expect(golek.models.map(({ name }) => name)).toEqual([golekTiny.name, golekEmbed.name]);
    expect(golek.status(golekTiny.name).state).toBe('unloaded');
    const { choices, usage } = await golek.chat('Who are you?', greedy).result();
    expect(choices[0]?.text).toBe('I am golek-tiny, a 4-million-parameter model that ships with Golek.');
    expect(golek.status(golekTiny.name).state).toBe('ready');
    expect(golek.status(golekEmbed.name).state).toBe('unloaded');
    expect(golek.usage[golekTiny.name]).toMatchObject({ completed: 1, completionTokens: usage?.completionTokens });
  });

  it('streams what it answers as a whole', async () => {
    let text = '';
    for await (const event of golek.chat('Count from 1 to 20.', greedy)) if (event.type === 'text') text += event.text;
    expect(text).toBe((await golek.chat('Count from 1 to 20.', greedy).result()).choices[0]?.text);
  });

  it('calls tools and writes JSON by schema', async () => {
    const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
    const tools = [{ name: 'get_weather', description: 'Get the current weather for a city.', parameters }];
    const called = await golek.chat('What is the weather in Paris?', { ...greedy, tools }).result();
    expect(called.choices[0]).toMatchObject({ finish: 'tool-calls', toolCalls: [{ name: 'get_weather' }] });
    expect(JSON.parse(called.choices[0]?.toolCalls[0]?.arguments ?? '')).toEqual({ city: 'Paris' });
    const schema = {
      type: 'object',
      properties: { n: { type: 'integer' } },
      required: ['n'],
      additionalProperties: false,
    };
    const written = await golek.chat('Hello!', { ...greedy, output: { type: 'json-schema', schema } }).result();
    expect(Object.keys(JSON.parse(written.choices[0]?.text ?? '') as object)).toEqual(['n']);
  });

  it('embeds, and frees and loads the model again', async () => {
    const [first, second] = await golek.embed(['a red kite', 'a red kite']);
    expect(first).toHaveLength(512);
    expect(first).toEqual(second);
    await golek.unload(golekEmbed.name);
    expect(golek.status(golekEmbed.name).state).toBe('unloaded');
    expect(await golek.embed(['a red kite'])).toEqual([first]);
    expect((await golek.embed(['a red kite'], { model: golekTiny.name }))[0]).toHaveLength(256);
  });

  it('ends with the signal', async () => {
    const controller = new AbortController();
    const read = async (): Promise<void> => {
      for await (const event of golek.chat('Tell me a story.', { signal: controller.signal })) {
        if (event.type === 'text') controller.abort();
      }
    };
    await expect(read()).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('refuses a request that does not fit, naming the field', () => {
    expect(() => golek.run({ task: 'tokenize', text: 5 } as never)).toThrow(/'text' is invalid/);
    expect(() => golek.run({ task: 'tokenize', text: 'x', txt: 1 } as never)).toThrow(/unknown key 'txt'/);
  });
});

describe('with providers of its own', () => {
  const models = { a: { location: 'a', provider: 'fake' }, b: { location: 'b', provider: 'fake' } };
  const two = () => fakeProvider({ models: { a: { answer: ['from a'] }, b: { answer: ['from b'] } } });

  it('runs their models in the same kernel, with the phases that were given', async () => {
    const seen: string[] = [];
    await using golek = await createPortableRuntime({
      models,
      providers: [two()],
      phases: [
        {
          phase: 'AUDIT',
          name: 'test.audit',
          observe: (call) => ({ end: ({ status }) => void seen.push(`${call.request.model} ${status}`) }),
        },
      ],
    });
    expect((await golek.chat('x', { model: 'b' }).result()).choices[0]?.text).toBe('from b');
    expect(seen).toEqual(['b completed']);
    expect(() => golek.chat('x')).toThrow(/'model' is missing: the runtime has several models \(a, b\)/);
  });

  it('says of an answer whether it is read at its end only, and gives it once', async () => {
    const seen: unknown[] = [];
    await using golek = await createPortableRuntime({
      models: { a: models.a },
      providers: [two()],
      phases: [
        {
          phase: 'AUDIT',
          name: 'test.audit',
          observe: ({ request, whole = false }) => ({ end: () => void seen.push([request.task, whole]) }),
        },
      ],
    });
    await golek.chat('x').result();
    const read = golek.chat('x');
    const events = await Array.fromAsync(read);
    expect(events.map(({ type }) => type)).toContain('finish');
    await read.result().catch(() => undefined);
    await golek.embed(['x']);
    expect(seen).toEqual([
      ['generate', true],
      ['generate', false],
      ['embed', false],
    ]);
  });

  it('waits for what is in progress when it closes, and takes nothing new', async () => {
    const provider = fakeProvider({ models: { a: { answer: ['one', 'two'], delayMs: 20 } } });
    const golek = await createPortableRuntime({ models: { a: models.a }, providers: [provider] });
    const running = golek.chat('x').result();
    await new Promise((resolve) => setTimeout(resolve, 10));
    await golek.close({ graceMs: 5000 });
    expect((await running).choices[0]?.text).toBe('onetwo');
    expect(provider.stats.openSessions).toBe(0);
    await expect(golek.chat('x').result()).rejects.toMatchObject({ code: 'shutting_down' });
  });
});

it('protects models as `reliability` says', async () => {
  const fail = { at: 0, code: 'provider_failed', message: 'no answer' } as const;
  const provider = fakeProvider({ models: { a: { fail } } });
  await using golek = await createPortableRuntime({
    models: { a: { location: 'a', provider: 'fake' } },
    providers: [provider],
    reliability: { retry: { attempts: 1 }, targets: [{ model: 'a', retry: { attempts: 3, minDelayMs: 1 } }] },
  });
  await expect(golek.chat('x').result()).rejects.toMatchObject({ code: 'provider_failed' });
  expect(provider.stats.runs).toBe(3);
});

describe('with plugins', () => {
  const models = { a: { location: 'a', provider: 'fake' } };
  const stopped: string[] = [];
  const source = definePlugin({
    name: 'source',
    version: '1.0.0',
    setup: (host) => {
      host.provider(fakeProvider({ models: { a: { answer: ['quiet'] } } }));
      host.onStop(() => void stopped.push('source'));
    },
  });
  const loud = definePlugin<{ mark: string }>({
    name: 'loud',
    version: '1.0.0',
    requires: { source: '^1.0.0' },
    options: (raw) => ({ mark: '!', ...(raw as object) }),
    setup: ({ transform, options, onStop }) => {
      transform({
        name: 'shout',
        stream: () => ({
          event: (event) =>
            event.type === 'text' ? [{ ...event, text: event.text.toUpperCase() + options.mark }] : [event],
        }),
      });
      onStop(() => void stopped.push('loud'));
    },
  });

  it('starts them in order, runs the models of their providers, and stops them in reverse', async () => {
    {
      await using golek = await createPortableRuntime({
        models,
        plugins: [loud, source],
        pluginOptions: { loud: { mark: '?' } },
      });
      expect((await golek.chat('x').result()).choices[0]?.text).toBe('QUIET?');
    }
    expect(stopped).toEqual(['loud', 'source']);
  });

  it('does not start without one of them', async () => {
    await expect(createPortableRuntime({ models, plugins: [loud] })).rejects.toMatchObject({
      code: 'plugin_invalid',
      message: "plugin 'loud' 1.0.0 needs 'source' ^1.0.0, which is not installed",
    });
  });
});

describe('createPortableRuntime', () => {
  it.each([
    [{ model: {} }, "createPortableRuntime has no option 'model'; did you mean 'models'?"],
    [
      { models: { x: { location: 'y', provider: 'nothing' } } },
      "model 'x' names the provider 'nothing'; there are: gguf",
    ],
    [{ models: { x: '/no/such/file.gguf' } }, '/no/such/file.gguf'],
    [{ gguf: { thread: 1 } }, "did you mean 'threads'?"],
    [{ reliability: { retry: { atempts: 1 } } }, "reliability: unknown key 'retry.atempts'"],
    [{ reliability: { retrys: {} } }, "did you mean 'retry'?"],
  ])('refuses %j and leaves nothing running', async (options, message) => {
    const made = createPortableRuntime(options as never);
    await expect(made).rejects.toThrow(message);
    await expect(made).rejects.toBeInstanceOf(GolekError);
  });
});

describe('routes', () => {
  const start = (routes: Parameters<PortableRuntime['setRoute']>[0][] = []) =>
    createPortableRuntime({
      models: { a: { location: 'a', provider: 'fake' }, b: { location: 'b', provider: 'fake' } },
      providers: [fakeProvider({ models: { a: { answer: ['from a'] }, b: { answer: ['from b'] } } })],
      routes,
    });

  it('are names for models, changed at any time', async () => {
    await using golek = await start([{ name: 'best', targets: [{ model: 'a' }] }]);
    const ask = async () => (await golek.chat('hi', { model: 'best' }).result()).choices[0]?.text;
    expect(await ask()).toBe('from a');
    golek.setRoute({ name: 'best', targets: [{ model: 'b' }], fallback: ['a'] });
    expect(await ask()).toBe('from b');
    expect(golek.routes).toMatchObject([{ name: 'best', strategy: 'priority', fallback: ['a'] }]);
    golek.removeRoute('best');
    await expect(ask()).rejects.toMatchObject({ code: 'model_not_found' });
  });

  it('that make no sense end the start', async () => {
    await expect(start([{ name: 'a', targets: [{ model: 'b' }] }])).rejects.toMatchObject({ code: 'conflict' });
    await expect(start([{ name: 'r', targets: [] }])).rejects.toThrow("route: 'targets' is invalid");
  });
});
