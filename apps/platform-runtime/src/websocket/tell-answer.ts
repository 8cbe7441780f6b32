import { collect, type InferenceEvent, type InferenceRequest } from '@golek/api';
import { severalRuns } from '@golek/protocols/openai';
import {
  AnswerRecord,
  deltaStream,
  finishedResult,
  startedMessage,
  type FinishedMessage,
  type GenerateCall,
  type OpenRound,
  type ResultCall,
  type StartCall,
} from '@golek/protocols/websocket';
import { withStart } from '../http/noted-start.ts';

/** Where an answer comes from and goes to. */
export interface Telling {
  readonly id: string;
  readonly requestId: string;
  /** `defaultMaxTokens`: the protocol's own limit on each answer where the request names none. */
  readonly run: (request: InferenceRequest, defaultMaxTokens?: number) => AsyncIterable<InferenceEvent>;
  /** A promise only where the client does not keep up; it throws when the request ends meanwhile. */
  readonly send: (text: string) => Promise<void> | undefined;
  /** Asked when the answer ended with tool calls. @returns whether the conversation waits for their results. */
  readonly keep: (round: OpenRound) => boolean;
}

/** What `finished` tells. */
export type Finished = Omit<FinishedMessage, 'type' | 'id'>;

/** The same events; the client is told of the first. */
const announced = (events: AsyncIterable<InferenceEvent>, { id, requestId, send }: Telling) =>
  withStart(events, (start) => send(JSON.stringify(startedMessage(start, id, requestId))));

const eventsOf = ({ requests, choices, defaultMaxTokens }: GenerateCall, { run }: Telling) => {
  const [only, ...others] = requests;
  if (only && others.length === 0) return run(only, defaultMaxTokens);
  return severalRuns(
    requests.map((request) => () => run(request, defaultMaxTokens)),
    choices / requests.length,
  );
};

const tellDeltas = async (call: GenerateCall, telling: Telling): Promise<Finished> => {
  const stream = deltaStream(telling.id, call.choices);
  const record = AnswerRecord.of(call);
  for await (const event of announced(eventsOf(call, telling), telling)) {
    record?.add(event);
    const text = stream.encode(event);
    if (text === '') continue;
    const waiting = telling.send(text);
    if (waiting) await waiting;
  }
  const finished = stream.end();
  const round = record?.round;
  return round && telling.keep(round) ? { ...finished, awaits_tool_results: true } : finished;
};

const tellResult = async ({ request, messages }: ResultCall, telling: Telling): Promise<Finished> => {
  const result = await collect(announced(telling.run(request), telling));
  for (const message of messages(result, telling.id)) await telling.send(JSON.stringify(message));
  return finishedResult(result);
};

/** Runs a call and sends everything but its last message. Throws what the run throws. */
export const tellAnswer = (call: StartCall, telling: Telling): Promise<Finished> =>
  call.kind === 'generate' ? tellDeltas(call, telling) : tellResult(call, telling);
