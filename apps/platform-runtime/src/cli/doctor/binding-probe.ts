// Run in a process of its own by the check of the binding: a binary that does not fit this machine ends its process.
import { reportBinding } from '@golek/provider-gguf';
import { answerProbe } from './probe-process.ts';

await answerProbe(() => reportBinding({ binary: process.argv[2] }));
