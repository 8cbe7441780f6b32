import type { GenerateRequest } from '@golek/api';

export const chat = (text: string, rest: Partial<GenerateRequest> = {}): GenerateRequest => ({
  task: 'generate',
  model: 'm',
  input: { type: 'chat', messages: [{ role: 'user', content: [{ type: 'text', text }] }] },
  ...rest,
});

export const complete = (prompt: string, rest: Partial<GenerateRequest> = {}): GenerateRequest => ({
  task: 'generate',
  model: 'm',
  input: { type: 'text', prompt },
  ...rest,
});
