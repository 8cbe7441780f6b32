import type { FinishReason, GolekError, Usage } from '@golek/api';
import type { Log, ObserverContribution } from '@golek/plugins-api';

const milliseconds = (duration: number): number => Math.round(duration * 100) / 100;

/** A failure that is the server's own fault is an error; what a client or an upstream caused is a warning. */
const levelOf = (error: GolekError): 'info' | 'warn' | 'error' =>
  error.code === 'cancelled' ? 'info' : error.code === 'internal' ? 'error' : 'warn';

/** OBSERVABILITY: one log line for each request, at its end, with ids, model, times in milliseconds, tokens and outcome; no content. */
export const requestLogPhase = (log: Log): ObserverContribution => ({
  phase: 'OBSERVABILITY',
  name: 'golek.request-log',
  observe: (call) => {
    let model: string | undefined;
    let firstEventAt: number | undefined;
    let usage: Usage | undefined;
    const finish: FinishReason[] = [];
    return {
      event: (event) => {
        firstEventAt ??= performance.now();
        if (event.type === 'start') model = event.model;
        else if (event.type === 'finish') finish.push(event.reason);
        else if (event.type === 'usage') usage = event.usage;
      },
      end: (outcome) => {
        // All keys in every line, undefined where there is nothing, which the logger leaves out: one shape is made and read fastest.
        const line = {
          request: call.id,
          trace: call.trace.traceId,
          span: call.trace.sink ? call.trace.spanId : undefined,
          protocol: call.protocol,
          task: call.request.task,
          model: model ?? call.request.model.slice(0, 128),
          principal: call.principal.id,
          outcome: outcome.status,
          durationMs: milliseconds(performance.now() - call.receivedAt),
          firstEventMs: firstEventAt === undefined ? undefined : milliseconds(firstEventAt - call.receivedAt),
          promptTokens: usage?.promptTokens,
          completionTokens: usage?.completionTokens,
          finish: finish.length > 0 ? finish.join(',') : undefined,
        };
        if (outcome.status !== 'failed') return log.info(line, 'request');
        const { error } = outcome;
        const cause = error.code === 'internal' || error.cause !== undefined ? { err: error } : {};
        return log[levelOf(error)]({ ...line, code: error.code, reason: error.message, ...cause }, 'request');
      },
    };
  },
});
