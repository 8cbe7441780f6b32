import { describe, expect, it } from 'vitest';
import { ERROR_CATALOGUE, ERROR_CODES, ErrorData, GolekError } from './index.ts';

describe('GolekError', () => {
  it.each(ERROR_CODES)(
    '%s takes status, retryability and remedy from the catalogue and survives a process border',
    (code) => {
      const error = new GolekError(code, 'because', { details: { name: 'x' }, retryAfter: 2 });
      const { status, retryable, action } = ERROR_CATALOGUE[code];
      const data = ErrorData.parse(JSON.parse(JSON.stringify(error)));
      expect(data).toEqual({
        code,
        message: 'because',
        status,
        retryable,
        action,
        details: { name: 'x' },
        retryAfter: 2,
      });
      expect(GolekError.fromData(data).toJSON()).toEqual(data);
    },
  );

  it('every status is an HTTP error, and what the client must change is never called retryable', () => {
    for (const { status, retryable, action } of Object.values(ERROR_CATALOGUE)) {
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(600);
      if (status < 500 && status !== 408 && status !== 429) expect(retryable).toBe(false);
      expect(action).toMatch(/^[A-Z].*\.$/);
    }
  });

  it('maps an aborted signal to its reason', () => {
    expect(GolekError.from(AbortSignal.abort().reason).code).toBe('cancelled');
    expect(GolekError.from(new DOMException('late', 'TimeoutError')).code).toBe('deadline_exceeded');
    const stopping = new GolekError('shutting_down', 'stop');
    expect(GolekError.from(stopping)).toBe(stopping);
  });

  it('keeps an unknown failure as cause and never loses its message', () => {
    const cause = new RangeError('out of range');
    const error = GolekError.from(cause, 'provider_failed');
    expect(error).toMatchObject({ code: 'provider_failed', message: 'out of range' });
    expect(error.cause).toBe(cause);
    expect(GolekError.from('just text')).toMatchObject({ code: 'internal', message: 'just text' });
  });
});
