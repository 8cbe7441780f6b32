import { collect, type GenerateRequest, type InferenceRequest } from '@golek/api';
import { describe, expect, it } from 'vitest';
import { requestLogPhase, UsageMeter, usagePhase, validationPhase } from '../index.ts';
import { callOf, chatOf, kernelOf } from '../kernel.fixture.ts';

const limits = { maxTools: 2, maxInputs: 3, maxOutputTokens: 100 };

describe('validation phase', () => {
  const chat = chatOf('m') as GenerateRequest & { input: { type: 'chat' } };
  const withInput = (extra: object): InferenceRequest => ({ ...chat, input: { ...chat.input, ...extra } });
  const [f, g, h] = ['f', 'g', 'h'].map((name) => ({ name }));

  it.each<[string, InferenceRequest, string]>([
    ['two tools of one name', withInput({ tools: [f, f] }), "two tools are named 'f'"],
    ['too many tools', withInput({ tools: [f, g, h] }), '3 tools are more than the limit of 2'],
    ['a choice without tools', withInput({ toolChoice: { type: 'required' } }), "needs at least one tool in 'tools'"],
    [
      'a choice of an unknown tool',
      withInput({ tools: [f], toolChoice: { type: 'tool', name: 'x' } }),
      "names the tool 'x', which is not in 'tools' (f)",
    ],
    [
      'an answer to a call that nobody made',
      withInput({ messages: [...chat.input.messages, { role: 'tool', toolCallId: 'c9', content: [] }] }),
      "messages[1] answers the tool call 'c9'",
    ],
    ['too many tokens', { ...chat, maxTokens: 101 }, "max_tokens is 101, more than this server's limit of 100"],
    [
      'too many inputs',
      { task: 'embed', model: 'm', inputs: ['a', 'b', 'c', 'd'] },
      '4 inputs are more than the limit of 3',
    ],
    [
      'too many documents',
      { task: 'rerank', model: 'm', query: 'q', documents: ['a', 'b', 'c', 'd'] },
      '4 documents are more than the limit of 3',
    ],
  ])('refuses %s', async (_, request, message) => {
    const { engine, provider } = await kernelOf({ m: {} }, [validationPhase(limits)]);
    await expect(collect(engine.run(callOf(request)))).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringContaining(message),
    });
    expect(provider.stats.runs).toBe(0);
  });

  it('asks for the limits of each call', async () => {
    let maxInputs = 1;
    const { engine } = await kernelOf({ m: {} }, [
      validationPhase(({ principal }) => ({ maxTools: 1, maxInputs: principal.tenant === 'default' ? maxInputs : 0 })),
    ]);
    const run = () => collect(engine.run(callOf({ task: 'embed', model: 'm', inputs: ['a', 'b'] })));
    await expect(run()).rejects.toThrow('2 inputs are more than the limit of 1');
    maxInputs = 2;
    await run().catch((thrown: unknown) => expect(thrown).toMatchObject({ code: 'unsupported' }));
  });

  it('lets a sound request pass', async () => {
    const { engine } = await kernelOf({ m: {} }, [validationPhase(limits)]);
    const request = withInput({
      tools: [f],
      toolChoice: { type: 'tool', name: 'f' },
      messages: [
        ...chat.input.messages,
        { role: 'assistant', content: [], toolCalls: [{ id: 'c1', name: 'f', arguments: '{}' }] },
        { role: 'tool', toolCallId: 'c1', content: [{ type: 'text', text: '1' }] },
      ],
    });
    expect((await collect(engine.run(callOf(request)))).choices).toHaveLength(1);
  });
});

describe('request log and usage phases', () => {
  const observing = async (models: Parameters<typeof kernelOf>[0]) => {
    const lines: { level: string; [field: string]: unknown }[] = [];
    const at = (level: string) => (fields: object) => void lines.push({ level, ...fields });
    const meter = new UsageMeter();
    const log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
    return { ...(await kernelOf(models, [requestLogPhase(log), usagePhase(meter)])), lines, meter };
  };

  it('write one line a request with ids, tokens and outcome and no content, and add up the tokens', async () => {
    const { engine, lines, meter } = await observing({ m: { answer: ['one', ' two'] } });
    const call = callOf(chatOf('m', 'a secret'));
    const { usage } = await collect(engine.run(call));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({
      level: 'info',
      request: call.id,
      trace: call.trace.traceId,
      model: 'm',
      task: 'generate',
      outcome: 'completed',
      finish: 'stop',
      promptTokens: usage?.promptTokens,
      completionTokens: usage?.completionTokens,
      durationMs: expect.any(Number),
      firstEventMs: expect.any(Number),
    });
    expect(JSON.stringify(lines)).not.toContain('secret');
    await collect(engine.run(callOf(chatOf('m'))));
    expect(meter.totals()).toEqual({
      m: {
        completed: 2,
        failed: 0,
        abandoned: 0,
        promptTokens: expect.any(Number),
        completionTokens: (usage?.completionTokens ?? 0) * 2,
      },
    });
  });

  it('tell failures, departures and requests for unknown models apart', async () => {
    const { engine, lines, meter } = await observing({
      m: { answer: ['a', 'b'] },
      cut: { fail: { at: 1, code: 'provider_failed', message: 'gone' } },
    });
    await collect(engine.run(callOf(chatOf('cut')))).catch(() => undefined);
    await collect(engine.run(callOf(chatOf('nothing')))).catch(() => undefined);
    for await (const _ of engine.run(callOf(chatOf('m')))) break;
    expect(lines).toMatchObject([
      { level: 'warn', outcome: 'failed', code: 'provider_failed', reason: 'gone', model: 'cut' },
      { level: 'warn', outcome: 'failed', code: 'model_not_found', model: 'nothing' },
      { level: 'info', outcome: 'abandoned' },
    ]);
    expect(meter.totals()).toMatchObject({ cut: { failed: 1 }, '(none)': { failed: 1 }, m: { abandoned: 1 } });
  });
});
