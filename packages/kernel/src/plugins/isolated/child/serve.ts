import { Socket } from 'node:net';
import { GolekError } from '@golek/api/plain';
import { encodeFrame, FrameReader } from '../frames.ts';
import type { ChildBoot, Command, Report } from '../messages.ts';
import { failureData } from './failure-data.ts';
import { PluginWorker } from './plugin-worker.ts';

const CHANNEL = 3;

/** Connects the plugin's process to its parent. */
export const serve = ({ module, maxMessageBytes }: ChildBoot): void => {
  const channel = new Socket({ fd: CHANNEL, readable: true, writable: true });
  const write = (report: Report): void => void channel.write(encodeFrame(report, maxMessageBytes));
  const send = (report: Report): void => {
    try {
      write(report);
    } catch (thrown) {
      // What cannot be sent fails the question that it answers, and nothing else.
      if (report.type !== 'answer') return;
      const { code, message } = GolekError.from(thrown);
      write({
        type: 'failed',
        id: report.id,
        error: failureData(new GolekError('plugin_failed', `its answer cannot be sent (${code}): ${message}`)),
      });
    }
  };
  const worker = new PluginWorker(module, send);
  const reader = new FrameReader(maxMessageBytes);
  channel.on('data', (chunk: Buffer) => {
    for (const { message } of reader.push(chunk)) worker.handle(message as Command);
  });
  // Without its parent a plugin serves nobody.
  channel.on('close', () => process.exit(0));
  channel.on('error', () => process.exit(0));

  // Ctrl-C and a service manager's SIGTERM reach the whole process group: the parent decides, and may want to drain first.
  for (const signal of ['SIGINT', 'SIGHUP', 'SIGTERM'] as const) process.on(signal, () => undefined);
};
