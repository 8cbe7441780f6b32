import type { FinishReason, GenerateRequest, InferenceEvent, TokenLogprob } from '../index.ts';
import type { FakeModel, FakeToken } from './fake-model.ts';
import { countTokens, promptText } from './fake-tokens.ts';

const DEFAULT_ANSWER: readonly FakeToken[] = ['The', ' answer', ' is', ' scripted.'];
const FIRST_TEXT_TOKEN = 256;

/** A script is certain of its tokens, so each has probability 1 and no other has any. */
const certain = (text: string, position: number, top: number): TokenLogprob => {
  const token = {
    id: FIRST_TEXT_TOKEN + position,
    text,
    bytes: Array.from(new TextEncoder().encode(text)),
    logprob: 0,
  };
  return { ...token, top: top > 0 ? [token] : [] };
};

interface Cut {
  readonly tokens: readonly FakeToken[];
  readonly reason: FinishReason;
  readonly stop?: string;
}

/** Ends the answer before the first stop string, which may span tokens. */
const cutAtStop = (tokens: readonly FakeToken[], stops: readonly string[]): Cut | undefined => {
  const text = tokens.map((token) => (typeof token === 'string' ? token : '')).join('');
  const found = stops
    .map((stop) => ({ stop, at: text.indexOf(stop) }))
    .filter(({ at }) => at >= 0)
    .sort((a, b) => a.at - b.at)[0];
  if (!found) return undefined;
  const kept: FakeToken[] = [];
  let left = found.at;
  for (const token of tokens) {
    if (typeof token !== 'string') kept.push(token);
    else if (token.length <= left) kept.push(token);
    else if (left > 0) kept.push(token.slice(0, left));
    if (typeof token !== 'string') continue;
    left -= token.length;
    if (left < 0) break;
  }
  return { tokens: kept, reason: 'stop', stop: found.stop };
};

const cut = (tokens: readonly FakeToken[], request: GenerateRequest, room: number): Cut => {
  const limited = tokens.length > room ? tokens.slice(0, room) : tokens;
  const stopped = request.stop?.length ? cutAtStop(limited, request.stop) : undefined;
  if (stopped) return stopped;
  if (limited.length < tokens.length) return { tokens: limited, reason: 'length' };
  const calls = tokens.some((token) => typeof token !== 'string' && token.type === 'tool-call');
  return { tokens, reason: calls ? 'tool-calls' : 'stop' };
};

const choiceEvents = (request: GenerateRequest, choice: number, { tokens, reason, stop }: Cut): InferenceEvent[] => {
  const top = request.logprobs?.top;
  const events = tokens.map((token, position): InferenceEvent => {
    if (typeof token !== 'string') return token.type === 'warning' ? token : { ...token, choice };
    if (top === undefined) return { type: 'text', choice, text: token };
    return { type: 'text', choice, text: token, logprobs: [certain(token, position, top)] };
  });
  events.push(stop === undefined ? { type: 'finish', choice, reason } : { type: 'finish', choice, reason, stop });
  return events;
};

/** All events of an answer: the choices' tokens in turn, each choice's finish after its last one, then the usage. */
export const answerEvents = (model: FakeModel, request: GenerateRequest, contextLength: number): InferenceEvent[] => {
  const prompt = promptText(request);
  const promptTokens = countTokens(request.input.type === 'text' ? request.input.prompt : prompt);
  const room = Math.min(request.maxTokens ?? Infinity, contextLength - promptTokens);
  const { answer = DEFAULT_ANSWER } = model;
  let completionTokens = 0;
  const choices = Array.from({ length: request.choices ?? 1 }, (_, choice) => {
    const part = cut(typeof answer === 'function' ? answer(request, choice) : answer, request, room);
    completionTokens += part.tokens.length;
    const events = choiceEvents(request, choice, part);
    const echo = request.input.type === 'text' && request.input.echo;
    return echo ? [{ type: 'text', choice, text: prompt } as const, ...events] : events;
  });
  const [only] = choices;
  const longest = Math.max(...choices.map((events) => events.length));
  const events =
    only && choices.length === 1
      ? only
      : Array.from({ length: longest }, (_, step) => choices.map((choice) => choice[step]))
          .flat()
          .filter((event) => event !== undefined);
  events.push({ type: 'usage', usage: { promptTokens, completionTokens } });
  return events;
};
