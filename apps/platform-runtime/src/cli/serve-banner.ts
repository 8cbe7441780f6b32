import type { GolekError } from '@golek/api';
import type { KnownModels } from '../models/list-models.ts';

export interface BannerFacts {
  readonly url: string;
  readonly known: KnownModels;
  /** Models whose files cannot be used. */
  readonly failed: ReadonlyMap<string, GolekError>;
}

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** One line that can be pasted into a shell. */
export const curlLine = (url: string, model: string): string => {
  const body = JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello! Who are you?' }] });
  return `curl ${url}/v1/chat/completions -H 'content-type: application/json' -d ${quoted(body)}`;
};

/** What `golek serve` prints once it listens. The first line is `golek listens on URL`; scripts may rely on it. */
export const serveBanner = ({ url, known, failed }: BannerFacts): string => {
  const names = known.models.map(({ source }) => source.name);
  const usable = names.filter((name) => !failed.has(name));
  const example = known.default !== undefined && usable.includes(known.default) ? known.default : usable[0];
  const lines = [`golek listens on ${url}`];
  if (usable.length > 0) lines.push(`models: ${usable.join(', ')}`);
  else lines.push('models: none; name one with --model FILE');
  for (const [name, error] of failed) lines.push(`cannot be used: ${name}: ${error.message} [${error.code}]`);
  if (example !== undefined) lines.push(curlLine(url, example));
  return `${lines.join('\n')}\n`;
};
