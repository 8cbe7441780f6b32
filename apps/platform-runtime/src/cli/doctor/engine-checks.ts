import { fork } from 'node:child_process';
import { once } from 'node:events';
import { collect, GolekError, type ErrorData, type GenerateRequest } from '@golek/api';
import { createCall } from '@golek/kernel';
import type { BindingReport } from '@golek/provider-gguf';
import { ENGINE } from '@golek/system';
import { SILENT_LOG } from '@golek/plugins-api';
import type { PlatformSettings } from '../../config/platform-config.ts';
import { listModels } from '../../models/list-models.ts';
import { createPlatform } from '../../platform.ts';
import { fail, ok, warn, type Check } from './check.ts';

const REINSTALL = 'Install the dependencies again with optional ones: npm install --include=optional.';

type ProbeAnswer = { readonly report: BindingReport } | { readonly error: ErrorData };

/** Asks llama.cpp in a child process. Rejects when the process ends without an answer. */
const probeBinding = async (signal: AbortSignal): Promise<BindingReport> => {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const child = fork(new URL(`./binding-probe.${extension}`, import.meta.url), {
    signal,
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const ended = once(child, 'exit').then(([code, by]: unknown[]) => {
    throw new GolekError('engine_crashed', `the process that loaded llama.cpp ended with ${String(by ?? code)}`);
  });
  const [answer] = (await Promise.race([once(child, 'message'), ended])) as [ProbeAnswer];
  ended.catch(() => undefined);
  if ('error' in answer) throw GolekError.fromData(answer.error);
  return answer.report;
};

/** Checks of llama.cpp; both use one load. */
export const bindingChecks = (): readonly Check[] => {
  let probe: Promise<BindingReport> | undefined;
  const probed = (signal: AbortSignal): Promise<BindingReport> => (probe ??= probeBinding(signal));
  return [
    {
      name: 'llama.cpp',
      run: async (signal) => {
        try {
          const { version, release, system } = await probed(signal);
          return ok(`${release} through node-llama-cpp ${version}; ${system}`);
        } catch (thrown) {
          return fail(GolekError.from(thrown).message, REINSTALL);
        }
      },
    },
    {
      name: 'gpu',
      run: async (signal) => {
        const report = await probed(signal).catch(() => undefined);
        if (!report) return warn('unknown: llama.cpp cannot be asked', REINSTALL);
        const { backend, supported, possible, devices } = report;
        if (backend !== 'cpu')
          return ok(`${backend}: ${devices.join(', ') || 'no device named'} (usable: ${supported.join(', ')})`);
        return ok(
          `none usable: models run on the CPU (back ends for such a machine: ${possible.join(', ') || 'none'})`,
        );
      },
    },
  ];
};

const QUESTION: GenerateRequest['input'] = {
  type: 'chat',
  messages: [{ role: 'user', content: [{ type: 'text', text: 'Hello!' }] }],
};

/** The default model is loaded as the server would, and has to answer. */
export const modelCheck = (settings: PlatformSettings): Check => ({
  name: 'model',
  run: async (signal) => {
    const known = await listModels(settings, signal);
    const chosen = known.models.find(({ source }) => source.name === known.default);
    if (!chosen) return fail('there is no model', 'Name a model file in models.list, or put one into the data folder.');
    const { system } = createPlatform({
      configuration: settings.configuration,
      log: SILENT_LOG,
      models: [chosen],
      isolation: 'process',
    });
    await using running = system;
    await running.start({ signal });
    const { name } = chosen.source;
    const request: GenerateRequest = { task: 'generate', model: name, input: QUESTION, maxTokens: 16 };
    const started = performance.now();
    const { choices, usage } = await collect(running.get(ENGINE).run(createCall({ request, signal })));
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    const text = choices[0]?.text.trim() ?? '';
    if (!usage || text === '') return fail(`${name} answered nothing`, 'Try another model file.');
    return ok(`${name} loaded and answered ${usage.completionTokens} tokens in ${seconds} s: "${text}"`);
  },
});
