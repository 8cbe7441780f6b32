import { modelInferRequest, readModelInferResponse, type InferMessage } from '@golek/protocols/kserve';
import { GolekError, type NamedTensor } from '@golek/providers-spi';
import { checkOutputs } from '../check-outputs.ts';
import type { Channels, CallContext } from './channels.ts';

type Response = Parameters<typeof readModelInferResponse>[0];

/** The last answer was there: its stream may take so long to end, milliseconds. */
const TAIL_MS = 1_000;

/** Tensors that a server sent and that are none are its fault, not the caller's. */
const read = (answer: Response): ReturnType<typeof readModelInferResponse> => {
  try {
    return readModelInferResponse(answer);
  } catch (thrown) {
    throw new GolekError('provider_failed', `the server sent what is no answer: ${GolekError.from(thrown).message}`, {
      cause: thrown,
    });
  }
};

/** One answer. */
export const inferOnce = async (
  channels: Channels,
  message: InferMessage,
  context: CallContext,
  idleMs: number,
): Promise<NamedTensor[]> => {
  const deadline = Math.min(context.deadline ?? Infinity, performance.now() + idleMs);
  const answer = await channels.unary('modelInfer', modelInferRequest(message), { ...context, deadline });
  return checkOutputs(read(answer).outputs, message.outputs);
};

/** Which of the answers is the last one, where the server says so. */
const isFinal = ({ triton_final_response: final }: Readonly<Record<string, unknown>>): boolean | undefined =>
  typeof final === 'boolean' ? final : undefined;

/**
 * Every answer of a decoupled model, in order; there may be none. A server that is silent for `idleMs` is taken for dead. Throws `provider_failed` for a stream that ends before the
 * answer that is its last: servers are asked to name it.
 */
export async function* inferStream(
  channels: Channels,
  message: InferMessage,
  context: CallContext,
  idleMs: number,
): AsyncGenerator<NamedTensor[], undefined, undefined> {
  const parameters = { ...message.parameters, triton_enable_empty_final_response: true };
  const call = await channels.stream(modelInferRequest({ ...message, parameters }), context);
  const cancel = (): void => call.cancel();
  context.signal.addEventListener('abort', cancel, { once: true });
  const silence = new AbortController();
  const watch = (ms: number): NodeJS.Timeout =>
    setTimeout(() => {
      silence.abort();
      cancel();
    }, ms);
  let timer = watch(idleMs);
  let final: boolean | undefined;
  let answers = 0;
  try {
    for await (const part of call.answers) {
      // Whoever reads slowly is not a server that is silent.
      clearTimeout(timer);
      if (part.errorMessage !== '')
        throw new GolekError(
          'provider_failed',
          `the server reported an error in its answer: ${part.errorMessage.slice(0, 300)}`,
        );
      if (part.inferResponse) {
        const { outputs, parameters: told } = read(part.inferResponse);
        answers++;
        final = isFinal(told) ?? final;
        if (outputs.length > 0) yield outputs;
      }
      timer = watch(final === true ? TAIL_MS : idleMs);
    }
  } catch (thrown) {
    // The last answer is here: what goes wrong behind it takes nothing from it.
    if (final === true && !context.signal.aborted && !(thrown instanceof GolekError)) return undefined;
    if (silence.signal.aborted)
      throw new GolekError('deadline_exceeded', `the server sent nothing for ${idleMs} ms; the call was given up`, {
        cause: thrown,
      });
    throw call.explain(thrown);
  } finally {
    clearTimeout(timer);
    context.signal.removeEventListener('abort', cancel);
    cancel();
  }
  if (final === false)
    throw new GolekError('provider_failed', 'the server ended its answers before the last one (triton_final_response)');
  if (answers === 0) throw new GolekError('provider_failed', 'the server ended the stream without an answer');
  return undefined;
}
