import {
  list,
  plain,
  promptWords,
  record,
  textOf,
  wordsOf,
  type AnswerOptions,
  type AnswerParts,
  type Asked,
  type Wire,
} from './wire.ts';

const PATH = /^\/v2\/models\/([^/]+)(?:\/(config|infer|generate|generate_stream))?$/;

/** Models whose name begins so take and give tensors, or give texts in one piece. */
const TENSORS = 'tensor-';
const WHOLE = 'whole-';

const readAsked = (path: string, json: unknown): Asked | undefined => {
  const [, name = '', method = 'metadata'] = PATH.exec(path) ?? [];
  if (name === '') return undefined;
  const model = decodeURIComponent(name);
  const body = record(json);
  const common = { wire: KSERVE_WIRE, includeUsage: true, choices: 1, stream: method === 'generate_stream' };
  // What a model is can be asked of every model, whatever its fault.
  if (method === 'metadata' || method === 'config')
    return { ...common, kind: 'models', model: '', inputs: [model, method] };
  const kind = method === 'infer' ? 'embeddings' : 'completion';
  const bare = model.replace(new RegExp(`^(${TENSORS}|${WHOLE})`), '');
  return { ...common, kind, model: bare, inputs: [textOf(body['text_input'])] };
};

const port = (name: string, datatype: string): object => ({ name, datatype, shape: [-1] });

const described = (model: string, what: string): object => {
  const tensors = model.startsWith(TENSORS);
  if (what === 'config')
    return { name: model, model_transaction_policy: { decoupled: !tensors && !model.startsWith(WHOLE) } };
  return tensors
    ? { name: model, versions: ['1'], inputs: [port('x', 'INT8')], outputs: [port('x', 'INT8')] }
    : {
        name: model,
        versions: ['1'],
        inputs: [port('text_input', 'BYTES'), port('stream', 'BOOL'), port('sampling_parameters', 'BYTES')],
        outputs: [port('text_output', 'BYTES')],
      };
};

const piece = (asked: Asked, text: string, words: number, reason: string): object => ({
  model_name: asked.model,
  model_version: '1',
  text_output: text,
  finish_reason: reason,
  num_input_tokens: promptWords(asked),
  num_output_tokens: words,
});

const dataRecord = (json: string): string => `data: ${json}\n\n`;

const answerTo = (asked: Asked, _models: readonly string[], { words: count }: AnswerOptions): AnswerParts => {
  const [first = '', what = ''] = asked.inputs;
  if (asked.kind === 'models') return plain(described(first, what));
  if (asked.kind === 'embeddings') {
    const output = { name: 'x', datatype: 'INT8', shape: [3], data: [1, 2, 3] };
    return plain({ model_name: asked.model, model_version: '1', outputs: list([output]) });
  }
  const words = wordsOf(asked, count);
  if (!asked.stream) return plain(piece(asked, words.join(''), words.length, 'stop'));
  const said = words.map((word, index) =>
    dataRecord(JSON.stringify(piece(asked, word, 1, index === words.length - 1 ? 'stop' : 'None'))),
  );
  return {
    contentType: KSERVE_WIRE.streamType,
    pieces: said,
    beforeFinish: said.length - 1,
    beforeEnd: said.length,
  };
};

/** KServe v2 over REST with Triton's generate extension: a stream has no mark of its end but the reason in its last record. Answers of tensors are always the same. */
export const KSERVE_WIRE: Wire = {
  readAsked,
  answerTo,
  streamType: 'text/event-stream',
  record: dataRecord,
  chunk: (text) => JSON.stringify({ model_name: 'faulty', text_output: text }),
  errorBody: (message) => JSON.stringify({ error: message }),
};
