import { ANTHROPIC } from './anthropic.fixture.ts';
import { KSERVE_GRPC, KSERVE_REST } from './kserve.fixture.ts';
import { OLLAMA } from './ollama.fixture.ts';
import { OPENAI_RESPONSES } from './openai-responses.fixture.ts';
import { OPENAI } from './openai.fixture.ts';
import type { Protocol } from './protocol.fixture.ts';
import { WEBSOCKET } from './websocket.fixture.ts';

export const PROTOCOLS: readonly Protocol[] = [
  OPENAI,
  OPENAI_RESPONSES,
  ANTHROPIC,
  OLLAMA,
  KSERVE_REST,
  KSERVE_GRPC,
  WEBSOCKET,
];
