import type { RunningGolek } from './running-golek.fixture.ts';

/** The ways in which one Golek reaches another. Gemini's API has no served side. */
export const REMOTES = ['openai', 'openai-responses', 'anthropic', 'ollama', 'triton', 'triton-http'] as const;
export type Remote = (typeof REMOTES)[number];

/** The configuration of an upstream with the id of the way. */
export const upstreamTo = ({ url, grpcPort }: Pick<RunningGolek, 'url' | 'grpcPort'>, id: Remote): object =>
  ({
    openai: { id, baseUrl: `${url}/v1`, dialect: 'llama-cpp' },
    'openai-responses': { id, baseUrl: `${url}/v1`, dialect: 'llama-cpp' },
    anthropic: { id, type: 'anthropic', baseUrl: `${url}/v1` },
    ollama: { id, type: 'ollama', baseUrl: url },
    triton: { id, type: 'triton', baseUrl: `http://127.0.0.1:${grpcPort}` },
    'triton-http': { id, type: 'triton', protocol: 'http', baseUrl: url },
  })[id];

/** A model of such an upstream, for `models.list`. */
export const modelOf = (provider: string, remote: Remote, model: string): object => ({
  name: provider,
  provider,
  model,
  ...(remote === 'openai-responses' && { options: { api: 'responses' } }),
});

/** Those servers take raw texts only. */
export const takesChats = (remote: Remote): boolean => !remote.startsWith('triton');
