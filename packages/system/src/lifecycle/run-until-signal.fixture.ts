// Run by the test of runUntilSignal in a process of its own: `node run-until-signal.fixture.ts MODE`.
import { createLogger } from '../logging/create-logger.ts';
import { serviceToken } from '../registry/service-token.ts';
import { createSystem } from '../system.ts';
import { runUntilSignal } from './run-until-signal.ts';

const [, , mode = ''] = process.argv;
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const SERVICE = serviceToken<string>('service');
const never = (): Promise<never> => new Promise(() => undefined);

const system = createSystem({
  modules: [
    {
      name: 'fixture',
      register: (registrar) =>
        registrar.register({
          token: SERVICE,
          create: () => 'service',
          start: async (_service, signal) => {
            if (mode !== 'slow-start') return;
            say('starting');
            await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('ended'))));
          },
          stop: () => {
            say('stopped');
            if (mode === 'bad-stop') throw new Error('stuck');
          },
        }),
    },
  ],
});

process.exitCode = await runUntilSignal(system, {
  log: createLogger({ level: 'info', format: 'json' }),
  onRunning: () => {
    say('running');
    if (mode === 'uncaught') setImmediate(() => JSON.parse('{'));
    if (mode === 'unhandled') void Promise.reject(new Error('nobody waits'));
  },
  onDrain: async (signal) => {
    say(`draining ${signal}`);
    if (mode === 'endless-drain') await never();
    if (mode === 'bad-drain') throw new Error('drain broke');
  },
});
