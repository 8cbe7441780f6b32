import { createIsolatedOnnxProvider, createOnnxProvider } from '@golek/provider-onnx';
import { LOG, PROVIDERS, type SystemModule } from '@golek/system';
import { onnxConfig } from '../config/onnx-config.ts';
import type { Isolation } from './gguf-module.ts';

/** Runs ONNX models; `auto` is what `onnx.isolation: auto` means here. */
export const onnxModule = (auto: Isolation): SystemModule => ({
  name: 'onnx',
  config: [onnxConfig],
  register: (registrar, { configuration }) => {
    const { isolation, threads, maxBatchTokens, ...settings } = configuration.get(onnxConfig);
    const create =
      (isolation === 'auto' ? auto : isolation) === 'process' ? createIsolatedOnnxProvider : createOnnxProvider;
    registrar.contribute({
      to: PROVIDERS,
      name: 'onnx',
      needs: [LOG],
      create: (log) =>
        create({
          ...settings,
          ...(threads !== undefined && { threads }),
          ...(maxBatchTokens !== undefined && { maxBatchTokens }),
          log,
        }),
    });
  },
});
