import { GolekError } from '@golek/api';
import type { RuntimeReport } from '@golek/provider-onnx';
import { fail, ok, type Check } from './check.ts';
import { probeProcess } from './probe-process.ts';

/** Whether ONNX Runtime loads, and what it can use. */
export const onnxCheck: Check = {
  name: 'ONNX Runtime',
  run: async (signal) => {
    try {
      const report = await probeProcess<RuntimeReport>('onnx-probe', 'ONNX Runtime', [], signal);
      const others = report.executionProviders.filter((name) => name !== 'cpu');
      return ok(`${report.version}, on the CPU${others.length > 0 ? `; installed besides: ${others.join(', ')}` : ''}`);
    } catch (thrown) {
      return fail(
        GolekError.from(thrown).message,
        'Install the dependencies again; ONNX models cannot run without it.',
      );
    }
  },
};
