import { styleText } from 'node:util';

const LEVELS: Readonly<Record<number, readonly [name: string, style: 'gray' | 'cyan' | 'green' | 'yellow' | 'red']>> = {
  10: ['trace', 'gray'],
  20: ['debug', 'cyan'],
  30: ['info', 'green'],
  40: ['warn', 'yellow'],
  50: ['error', 'red'],
  60: ['fatal', 'red'],
};

const HIDDEN = new Set(['level', 'time', 'pid', 'hostname', 'msg', 'err']);

const shown = (value: unknown): string =>
  typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);

/** One JSON log line as a line for people: time, level, message, fields, then the stack of an error. Anything else is given back as it is. */
export const prettyLine = (json: string, colours: boolean): string => {
  let record: Record<string, unknown>;
  try {
    record = JSON.parse(json) as Record<string, unknown>;
  } catch {
    return json;
  }
  const paint = (style: Parameters<typeof styleText>[0], text: string): string =>
    colours ? styleText(style, text, { validateStream: false }) : text;
  const [level, style] = LEVELS[Number(record['level'])] ?? ['?', 'gray'];
  const fields = Object.entries(record)
    .filter(([name]) => !HIDDEN.has(name))
    .map(([name, value]) => `${name}=${shown(value)}`);
  const { stack } = (record['err'] ?? {}) as { readonly stack?: string };
  const parts = [
    paint('gray', String(record['time']).slice(11, 23)),
    paint(style, level.padEnd(5)),
    typeof record['msg'] === 'string' ? record['msg'] : '',
    ...(fields.length > 0 ? [paint('gray', fields.join(' '))] : []),
  ];
  return `${parts.join(' ')}\n${stack === undefined ? '' : `${stack}\n`}`;
};
