import { createHash } from 'node:crypto';

const NINE = /^[a-zA-Z0-9]{9}$/;

/** Mistral's templates refuse ids of calls that are not nine letters and digits: others become nine digits of their hash. */
export const mistralCallId = (id: string): string =>
  NINE.test(id) ? id : createHash('sha256').update(id).digest('hex').slice(0, 9);
