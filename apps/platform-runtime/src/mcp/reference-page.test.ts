import { readFile } from 'node:fs/promises';
import {
  CHAT_TOOL,
  CLASSIFY_TOOL,
  EMBED_TOOL,
  LIST_MODELS_TOOL,
  MODEL_URI_TEMPLATE,
  MODELS_URI,
  RERANK_TOOL,
  STATUS_URI,
} from '@golek/protocols/mcp';
import { SUPPORTED_PROTOCOL_VERSIONS } from '@modelcontextprotocol/server';
import { expect, it } from 'vitest';
import {
  CANCEL_REQUEST_TOOL,
  LIST_REQUESTS_TOOL,
  LOAD_MODEL_TOOL,
  SERVER_STATUS_TOOL,
  UNLOAD_MODEL_TOOL,
} from './admin-tool-definitions.ts';

const page = await readFile(new URL('../../../../docs/reference/mcp.md', import.meta.url), 'utf8');

const TOOLS = [
  CHAT_TOOL,
  EMBED_TOOL,
  RERANK_TOOL,
  CLASSIFY_TOOL,
  LIST_MODELS_TOOL,
  SERVER_STATUS_TOOL,
  LOAD_MODEL_TOOL,
  UNLOAD_MODEL_TOOL,
  LIST_REQUESTS_TOOL,
  CANCEL_REQUEST_TOOL,
];

const sectionOf = (tool: string): string => page.split(/^##+ /m).find((text) => text.startsWith(`${tool}\n`)) ?? '';

const documented = (text: string): string[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, name]) => name ?? ''));

it('has every tool, and no other', () => {
  const sections = [...page.matchAll(/^### (\S+)$/gm)].map(([, name]) => name);
  expect(sections).toEqual(TOOLS.map(({ name }) => name));
});

it.each(TOOLS)('has every argument of $name once, and no other', ({ name, input }) => {
  expect(documented(sectionOf(name)).toSorted()).toEqual(Object.keys(input.shape).toSorted());
});

it.each([CHAT_TOOL, EMBED_TOOL, RERANK_TOOL, CLASSIFY_TOOL])(
  'names what is in the result of $name',
  ({ name, output }) => {
    for (const field of Object.keys(output.shape)) expect(sectionOf(name)).toContain(`\`${field}\``);
  },
);

it('has every resource', () => {
  expect(documented(sectionOf('Resources'))).toEqual([MODELS_URI, MODEL_URI_TEMPLATE, STATUS_URI]);
});

it('names every revision of the protocol that is spoken', () => {
  const versions = [...page.matchAll(/\b20\d\d-\d\d-\d\d\b/g)].map(([version]) => version);
  expect(versions.toSorted()).toEqual([...SUPPORTED_PROTOCOL_VERSIONS, '2026-07-28'].toSorted());
});
