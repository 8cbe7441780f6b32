import { definePlugin, type PluginHost } from '@golek/plugins-api';

// Asks for what a plugin in a process of its own cannot have; its options say which.

export default definePlugin<keyof PluginHost>({
  name: 'greedy',
  version: '1.0.0',
  options: (raw) => raw as keyof PluginHost,
  setup: (host) => {
    switch (host.options) {
      case 'phase':
        return host.phase({ phase: 'VALIDATE', name: 'wrap', intercept: (next) => next });
      case 'provider':
        return host.provider({ id: 'mine', [Symbol.asyncDispose]: () => Promise.resolve() });
      case 'store':
        return host.store({ name: 'cupboard' } as Parameters<PluginHost['store']>[0]);
      case 'infer':
        host.infer({ task: 'generate', model: 'm', input: { type: 'text', prompt: '' } }, { signal: host.signal });
        return;
      case 'route':
        return host.route({ method: 'GET', path: 'no-slash', handle: () => ({}) });
      default:
        return process.exit(4);
    }
  },
});
