import { modelInferRequest, readModelInferResponse, type InferMessage } from '@golek/protocols/kserve';
import { GolekError, type NamedTensor } from '@golek/providers-spi';
import type { Channels, CallContext } from './channels.ts';

/** Tensors that a server sent and that are none are its fault, not the caller's. */
const read = (answer: Parameters<typeof readModelInferResponse>[0]): NamedTensor[] => {
  try {
    return readModelInferResponse(answer).outputs;
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
  return read(await channels.unary('modelInfer', modelInferRequest(message), { ...context, deadline }));
};

/** Every answer of a decoupled model, in order. A server that is silent for `idleMs` is taken for dead. */
export async function* inferStream(
  channels: Channels,
  message: InferMessage,
  context: CallContext,
  idleMs: number,
): AsyncGenerator<NamedTensor[], undefined, undefined> {
  const call = channels.stream(modelInferRequest(message), context);
  const cancel = (): void => call.cancel();
  context.signal.addEventListener('abort', cancel, { once: true });
  const silence = new AbortController();
  const timer = setTimeout(() => {
    silence.abort();
    cancel();
  }, idleMs);
  try {
    for await (const part of call as AsyncIterable<{
      errorMessage: string;
      inferResponse?: Parameters<typeof read>[0];
    }>) {
      timer.refresh();
      if (part.errorMessage !== '')
        throw new GolekError(
          'provider_failed',
          `the server reported an error in its answer: ${part.errorMessage.slice(0, 300)}`,
        );
      if (part.inferResponse && part.inferResponse.outputs.length > 0) yield read(part.inferResponse);
      timer.refresh();
    }
  } catch (thrown) {
    if (silence.signal.aborted)
      throw new GolekError('deadline_exceeded', `the server sent nothing for ${idleMs} ms; the call was given up`, {
        cause: thrown,
      });
    throw thrown;
  } finally {
    clearTimeout(timer);
    context.signal.removeEventListener('abort', cancel);
    cancel();
  }
  return undefined;
}
