// Run in a process of its own, as binding-probe is.
import { reportRuntime } from '@golek/provider-onnx';
import { answerProbe } from './probe-process.ts';

await answerProbe(reportRuntime);
