import { ERROR_CATALOGUE, ERROR_CODES } from '@golek/api';

/** The page docs/reference/errors.md, made from the error catalogue. */
export const errorReference = (): string => {
  const rows = ERROR_CODES.map((code) => {
    const { status, retryable, action } = ERROR_CATALOGUE[code];
    return `| \`${code}\` | ${status} | ${retryable ? 'yes' : 'no'} | ${action} |`;
  });
  return [
    '# Error codes',
    '',
    'Every failure of Golek has one of these codes. HTTP status, whether the same request may succeed when it is sent again, and the',
    'remedy follow from the code. The message of an error names the thing and the value; `details` has them as data. In OpenAI responses the code is',
    '`error.code`. This page is made from the catalogue in `packages/api/src/error-catalogue.ts` by `npm run docs`.',
    '',
    '| code | HTTP status | retry | what to do |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
};
