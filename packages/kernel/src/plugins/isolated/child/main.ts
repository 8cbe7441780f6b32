import { registerHooks } from 'node:module';
import { Worker } from 'node:worker_threads';
import type { ChildBoot } from '../messages.ts';

// Entry of a plugin's process. `PluginProcess` starts it; it imports nothing by name before the names are known.

const boot = JSON.parse(process.argv[2] ?? '{}') as ChildBoot;
const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';

const offered = (specifier: string): string | undefined =>
  Object.hasOwn(boot.modules, specifier) ? boot.modules[specifier] : undefined;

registerHooks({
  resolve: (specifier, context, next) => {
    const url = offered(specifier);
    if (url === undefined) return next(specifier, context);
    // One copy of the contract for both sides, so that a plugin's GolekError is one. Other packages only where the plugin brings none.
    if (specifier.startsWith('@golek/')) return { url, shortCircuit: true };
    try {
      return next(specifier, context);
    } catch {
      return { url, shortCircuit: true };
    }
  },
});

if (boot.watchParent) {
  const watch = new Worker(new URL(`./parent-watch.${extension}`, import.meta.url), {
    workerData: { parent: process.ppid },
  });
  watch.on('error', (error) => process.stderr.write(`the parent is not watched: ${String(error)}\n`));
  await new Promise((resolve) => watch.once('online', resolve));
  watch.unref();
}

const { lockDown } = await import('./lock-down.ts');
const { serve } = await import('./serve.ts');
lockDown();
serve(boot);
