/**
 * Loaded with `--import` into a server under test: told to by its parent, it watches how late the server's event loop is, and tells when it is asked. Its timer wakes the server a
 * thousand times a second, so it watches only in samples that count for nothing else. Neither the timer nor the channel keeps the server alive; without its parent it ends. The process id of the parent is in the address that is imported, so that what
 * the server forks in turn does not take part.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { LoopDelay } from './contender.ts';

const RESOLUTION_MS = 1;

if (new URL(import.meta.url).searchParams.get('parent') === String(process.ppid)) {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  // The recorded times are those between two ticks of the timer.
  const late = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);
  process.on('message', (message) => {
    if (message === 'watch-loop') return void histogram.enable();
    if (message !== 'loop-delay') return;
    histogram.disable();
    const delay: LoopDelay = {
      p50: late(histogram.percentile(50)),
      p99: late(histogram.percentile(99)),
      max: late(histogram.max),
    };
    histogram.reset();
    process.send?.(delay);
  });
  process.once('disconnect', () => process.exit(1));
  process.channel?.unref();
}
