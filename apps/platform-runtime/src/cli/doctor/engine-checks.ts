import { collect, GolekError, type GenerateRequest } from '@golek/api';
import { createCall } from '@golek/kernel';
import type { BindingReport } from '@golek/provider-gguf';
import { ENGINE, MODELS, SESSIONS } from '@golek/system';
import { SILENT_LOG } from '@golek/plugins-api';
import type { PlatformSettings } from '../../config/platform-config.ts';
import { listModels } from '../../models/list-models.ts';
import { chosenEngine } from '../../engines/chosen-engine.ts';
import { createPlatform } from '../../platform.ts';
import { fail, ok, warn, type Check } from './check.ts';
import { probeBinding } from './probe-binding.ts';

const REINSTALL = 'Install the dependencies again with optional ones: npm install --include=optional.';

/** Checks of llama.cpp; both use one load. */
export const bindingChecks = (settings?: PlatformSettings): readonly Check[] => {
  let probe: Promise<BindingReport> | undefined;
  const asked = async (signal: AbortSignal): Promise<BindingReport> => {
    const { binary } = settings ? await chosenEngine(settings) : {};
    return probeBinding(signal, binary);
  };
  const probed = (signal: AbortSignal): Promise<BindingReport> => (probe ??= asked(signal));
  return [
    {
      name: 'llama.cpp',
      run: async (signal) => {
        try {
          const { version, release, system, own } = await probed(signal);
          return ok(`${release}${own ? ', own build,' : ''} through node-llama-cpp ${version}; ${system}`);
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
        const { backend, supported, gpus, devices } = report;
        if (backend !== 'cpu')
          return ok(`${backend}: ${devices.join(', ') || 'no device named'} (usable: ${supported.join(', ')})`);
        const reasons = gpus.map(({ backend: name, reason }) => `${name}: ${reason ?? ''}`).join('; ');
        return ok(`none usable: models run on the CPU (${reasons || 'there is no back end for such a machine'})`);
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
      home: settings.data.root,
    });
    await using running = system;
    await running.start({ signal });
    const { name } = chosen.source;
    const entry = running.get(MODELS).resolve(name);
    if (entry && !entry.manifest.tasks.includes('generate')) {
      await running.get(SESSIONS).load(entry, signal);
      return ok(`${name} loaded; it does: ${entry.manifest.tasks.join(', ')}`);
    }
    const request: GenerateRequest = { task: 'generate', model: name, input: QUESTION, maxTokens: 16 };
    const started = performance.now();
    const { choices, usage } = await collect(running.get(ENGINE).run(createCall({ request, signal })));
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    const text = choices[0]?.text.trim() ?? '';
    if (!usage || text === '') return fail(`${name} answered nothing`, 'Try another model file.');
    return ok(`${name} loaded and answered ${usage.completionTokens} tokens in ${seconds} s: "${text}"`);
  },
});
