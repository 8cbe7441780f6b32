import type { Log } from '@golek/api';
import { ExportResultCode, type ExportResult } from '@opentelemetry/core';

type ResultCallback = (result: ExportResult) => void;

/** What both kinds of OTLP exporters have in common. */
interface Exporter<Batch> {
  export(batch: Batch, done: ResultCallback): void;
  shutdown(): Promise<void>;
  forceFlush?(): Promise<void>;
}

/**
 * Tells of each export whether it worked. Only the change between working and not is logged: a collector that is away for a day is one line.
 */
export const watched = <Batch, E extends Exporter<Batch>>(
  exporter: E,
  what: string,
  log: Log,
  onResult: (batch: Batch, ok: boolean) => void,
): E => {
  let failing = false;
  const send = exporter.export.bind(exporter);
  exporter.export = (batch, done) => {
    send(batch, (result) => {
      const ok = result.code === ExportResultCode.SUCCESS;
      if (!ok && !failing) log.warn({ exporter: 'otlp', what, err: result.error }, 'telemetry cannot be exported');
      else if (ok && failing) log.info({ exporter: 'otlp', what }, 'telemetry is exported again');
      failing = !ok;
      onResult(batch, ok);
      done(result);
    });
  };
  return exporter;
};
