import { cellOf, COLUMNS, type Cell, type Column } from './columns.fixture.ts';
import { SUBJECTS, type Protocol, type Subject } from './protocol.fixture.ts';
import { PROTOCOLS } from './protocols.fixture.ts';

const INTRODUCTION = `# Protocols and providers, pair by pair

The protocols that Golek's server speaks, each before every provider: what a client may ask in the one is answered by the other through one canonical request, without a translation of its own for the pair. \`npm run docs\` writes this page
from the table that \`apps/platform-runtime/src/pairs/pairs.test.ts\` asks its questions by, cell by cell, of a whole server:

- **yes**: asked, plain and streamed. The text, call or vector has to be the one that the model itself gives without protocol and provider between; a stream has to come in pieces.
- **no**: asked, and refused with \`unsupported\`, which names the model, plain and before the first word of a stream. A route passes such a target by.
- **–**: the protocol has no way to ask for it.

Behind the remote providers stands another Golek with the same models, so that an answer has crossed the wire twice; behind \`gemini\` a server for tests. No vendor's service is called.
`;

const TITLES: Readonly<Record<Subject, string>> = {
  chat: 'Chats',
  text: 'Texts that are continued as they are',
  embeddings: 'Embeddings',
  tools: 'Calls of tools',
};

const MARKS: Readonly<Record<Cell['kind'], string>> = { yes: 'yes', refused: 'no', absent: '–' };

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n');

/** Each reason once, with all that it holds for. */
const reasons = (given: readonly (readonly [name: string, why: string | undefined])[]): string[] => {
  const whys = [...new Set(given.flatMap(([, why]) => why ?? []))];
  return whys.map((why) => {
    const names = [...new Set(given.filter((one) => one[1] === why).map(([name]) => name))];
    return `- ${names.join(', ')}: ${why}.`;
  });
};

const whyOf = (cell: Cell, kind: Cell['kind']): string | undefined =>
  cell.kind === kind && 'why' in cell ? cell.why : undefined;

const section = (subject: Subject): string => {
  const cells = PROTOCOLS.map((protocol) =>
    COLUMNS.map((column) => [protocol, column, cellOf(protocol, column, subject)] as const),
  );
  const all = cells.flat();
  const why = (kind: Cell['kind'], name: (protocol: Protocol, column: Column) => string): string[] =>
    reasons(all.map(([protocol, column, cell]) => [name(protocol, column), whyOf(cell, kind)]));
  const lines = [...why('refused', (_, { name }) => `\`${name}\``), ...why('absent', ({ name }) => name)];
  return [
    `## ${TITLES[subject]}\n`,
    table(
      ['', ...COLUMNS.map(({ name }) => name)],
      cells.map((of, index) => [PROTOCOLS[index]?.name ?? '', ...of.map(([, , { kind }]) => MARKS[kind])]),
    ),
    ...(lines.length > 0 ? [`\n${lines.join('\n')}`] : []),
  ].join('\n');
};

/** docs/reference/pairs.md. */
export const pairsPage = (): string =>
  [
    INTRODUCTION,
    ...SUBJECTS.map((subject) => `${section(subject)}\n`),
    `## Who asks and who answers\n\n${table(
      ['protocol', 'calls'],
      PROTOCOLS.map(({ name, calls }) => [name, calls]),
    )}\n`,
    `${table(
      ['provider', 'what answers'],
      COLUMNS.map(({ name, about }) => [`\`${name}\``, about]),
    )}\n`,
  ].join('\n');
