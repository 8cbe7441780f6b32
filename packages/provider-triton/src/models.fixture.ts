import type { NamedTensor } from '@golek/api';
import type { InferMessage } from '@golek/protocols/kserve';
import type { LoopbackModel } from './triton-server.fixture.ts';

export const texts = (name: string, ...data: string[]): NamedTensor => ({
  name,
  type: 'BYTES',
  shape: [data.length],
  data,
});

const count = (name: string, value: number): NamedTensor => ({
  name,
  type: 'UINT32',
  shape: [1],
  data: new Uint8Array(Uint32Array.of(value).buffer),
});

export const inputOf = ({ inputs }: InferMessage, name: string): NamedTensor | undefined =>
  inputs.find((tensor) => tensor.name === name);

export const textOf = (message: InferMessage, name: string): string => String(inputOf(message, name)?.data[0]);

const wordsOf = (message: InferMessage): string[] => textOf(message, 'text_input').split(/(?<= )/);

/** As vLLM's back end describes its models: says each word of the prompt again. */
export const vllm: LoopbackModel = {
  inputs: [
    { name: 'text_input', datatype: 'BYTES', shape: [1] },
    ...[
      'stream',
      'exclude_input_in_output',
      'return_finish_reason',
      'return_num_input_tokens',
      'return_num_output_tokens',
    ].map((name) => ({ name, datatype: 'BOOL', shape: [1], optional: true }) as const),
    { name: 'sampling_parameters', datatype: 'BYTES', shape: [1], optional: true },
  ],
  outputs: [{ name: 'text_output', datatype: 'BYTES', shape: [-1] }],
  decoupled: true,
  async *answer(message) {
    const words = wordsOf(message);
    for (const [index, word] of words.entries()) {
      if (word.trim() === 'break') yield new Error('the engine broke');
      if (word.trim() === 'hang') await new Promise(() => undefined);
      const last = index === words.length - 1;
      yield [
        texts('text_output', word),
        texts('finish_reason', last ? 'stop' : 'None'),
        count('num_input_tokens', words.length),
        count('num_output_tokens', 1),
      ];
      // Another turn: pieces come one after the other, as from an engine.
      await new Promise(setImmediate);
    }
  },
};

const single = (name: string, datatype: string) => ({ name, datatype, shape: [-1, 1], optional: true }) as const;

/** As an ensemble of TensorRT-LLM describes itself: everything has a batch. */
export const tensorrtLlm: LoopbackModel = {
  inputs: [
    { name: 'text_input', datatype: 'BYTES', shape: [-1, 1] },
    single('max_tokens', 'INT32'),
    single('temperature', 'FP32'),
    single('random_seed', 'UINT64'),
    { name: 'stop_words', datatype: 'BYTES', shape: [-1, -1], optional: true },
    single('stream', 'BOOL'),
  ],
  outputs: [{ name: 'text_output', datatype: 'BYTES', shape: [-1] }],
  answer: (message) => [[texts('text_output', `${textOf(message, 'text_input')} and more`)]],
};

/** Gives what it is given. */
export const echo: LoopbackModel = {
  inputs: [{ name: 'x', datatype: 'FP32', shape: [-1] }],
  outputs: [{ name: 'x', datatype: 'FP32', shape: [-1] }],
  answer: ({ inputs }) => [inputs],
};

/** Gives each of its inputs in an answer of its own. */
export const decoupledEcho: LoopbackModel = {
  ...echo,
  decoupled: true,
  answer: ({ inputs }) => inputs.map((tensor) => [tensor]),
};

export const embedder: LoopbackModel = {
  inputs: [{ name: 'text_input', datatype: 'BYTES', shape: [-1] }],
  outputs: [{ name: 'embedding', datatype: 'FP32', shape: [-1, 2] }],
  answer: (message) => {
    const lengths = [...(inputOf(message, 'text_input')?.data as string[])].flatMap((text) => [text.length, 1]);
    return [
      [
        {
          name: 'embedding',
          type: 'FP32',
          shape: [lengths.length / 2, 2],
          data: new Uint8Array(Float32Array.from(lengths).buffer),
        },
      ],
    ];
  },
};
