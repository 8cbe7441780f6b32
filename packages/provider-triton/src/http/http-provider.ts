import type { Provider } from '@golek/providers-spi';
import { RemoteProvider } from '@golek/providers-spi/remote';
import { describeModel } from '../describe-model.ts';
import { modelOptionsOf, TRITON_TASKS, type ResolvedTriton } from '../options.ts';
import { invalidOption } from '@golek/providers-spi';
import { httpRuns } from './http-runs.ts';
import { modelInfo } from './model-info-request.ts';

/** Runs models of one server over REST. */
export const httpProvider = (options: ResolvedTriton): Provider =>
  new RemoteProvider(options, {
    capabilities: { tasks: TRITON_TASKS, formats: [] },
    describe: (source, upstream, signal) => {
      const { version = '', load } = modelOptionsOf(source);
      if (load === true)
        throw invalidOption(`options of the model '${source.name}'`, 'load', "'load' needs the protocol grpc");
      const ask = (ends: AbortSignal) => modelInfo(upstream, source.location, version, ends);
      return describeModel(source, ask, signal, (info) => httpRuns(options.maxLineBytes, version, info));
    },
  });
