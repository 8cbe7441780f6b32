import { ANTHROPIC_WIRE } from './anthropic-wire.ts';
import { GEMINI_WIRE } from './gemini-wire.ts';
import { KSERVE_WIRE } from './kserve-wire.ts';
import { OLLAMA_WIRE } from './ollama-wire.ts';
import { OPENAI_WIRE } from './openai-wire.ts';
import { RESPONSES_WIRE } from './responses-wire.ts';
import type { Asked, Wire } from './wire.ts';

const WIRES: readonly Wire[] = [OPENAI_WIRE, RESPONSES_WIRE, ANTHROPIC_WIRE, OLLAMA_WIRE, GEMINI_WIRE, KSERVE_WIRE];

/** Reads a request in the protocol that has its path; undefined for a path that none has. */
export const readAsked = (path: string, json: unknown): Asked | undefined => {
  for (const wire of WIRES) {
    const asked = wire.readAsked(path, json);
    if (asked) return asked;
  }
  return undefined;
};
