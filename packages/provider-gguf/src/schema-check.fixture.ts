import { getLlama, type Llama } from 'node-llama-cpp';
import { GrammarRules } from './gbnf.ts';
import { schemaRules } from './json-schema-grammar.ts';

/** llama.cpp's own reading of a grammar, without a model. */
export interface GrammarChecker extends AsyncDisposable {
  /** True when the whole text matches. */
  matches(grammar: string, text: string): boolean;
  /** True when the grammar made of a JSON Schema matches. */
  allows(schema: Record<string, unknown>, text: string): boolean;
}

interface Testable {
  _testText(text: string): boolean;
}

export const grammarChecker = async (): Promise<GrammarChecker> => {
  const llama: Llama = await getLlama({ gpu: false, build: 'never', skipDownload: true, progressLogs: false });
  const read = new Map<string, Testable>();
  const { LlamaGrammar } = await import('node-llama-cpp');
  const matches = (grammar: string, text: string): boolean => {
    let known = read.get(grammar);
    known ??= new LlamaGrammar(llama, { grammar }) as unknown as Testable;
    read.set(grammar, known);
    return known._testText(text);
  };
  return {
    matches,
    allows: (schema, text) => {
      const rules = new GrammarRules();
      return matches(rules.text(schemaRules(rules, schema)), text);
    },
    [Symbol.asyncDispose]: () => llama.dispose(),
  };
};
