import { expect, test } from 'vitest';
import { createLogger, type LoggerOptions } from './create-logger.ts';

const captured = (options: Omit<LoggerOptions, 'stream'>, isTTY = false) => {
  const lines: string[] = [];
  return { lines, log: createLogger({ ...options, stream: { isTTY, write: (line) => lines.push(line) } }) };
};

test('writes JSON with ISO time where there is no terminal', () => {
  const { log, lines } = captured({ level: 'info', format: 'auto' });
  log.debug({}, 'hidden');
  log.info({ request: 'req_1', trace: 'abc' }, 'request');
  expect(lines).toHaveLength(1);
  const line = JSON.parse(lines[0] ?? '') as Record<string, unknown>;
  expect(line).toMatchObject({ level: 30, request: 'req_1', trace: 'abc', msg: 'request' });
  expect(line['time']).toMatch(/^\d{4}-\d\d-\d\dT/);
});

test('never writes credentials', () => {
  const { log, lines } = captured({ level: 'info', format: 'json' });
  const headers = { authorization: 'Bearer hunter2', 'x-api-key': 'hunter2', cookie: 'hunter2', accept: 'kept' };
  log.info({ authorization: 'hunter2', apiKey: 'hunter2', req: { headers }, a: { b: { password: 'hunter2' } } }, 'm');
  expect(lines[0]).not.toContain('hunter2');
  expect(lines[0]).toContain('kept');
  expect(lines[0]?.match(/\[redacted\]/g)).toHaveLength(6);
});

test('pretty: one line for people, the stack below, colours only when asked', () => {
  const plain = captured({ level: 'info', format: 'pretty' });
  plain.log.warn({ model: 'tiny', note: 'two words', n: 3 }, 'loaded');
  expect(plain.lines[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} warn {2}loaded model=tiny note="two words" n=3\n$/);
  plain.log.error({ err: new Error('boom') }, 'failed');
  expect(plain.lines[1]).toMatch(/error failed\nError: boom\n {4}at /);

  const terminal = captured({ level: 'info', format: 'auto' }, true);
  terminal.log.info({}, 'hello');
  expect(terminal.lines[0]).toContain('\u001b[');
  const uncoloured = captured({ level: 'info', format: 'auto', colours: false }, true);
  uncoloured.log.info({}, 'hello');
  expect(uncoloured.lines[0]).not.toContain('\u001b[');
});
