import { status as STATUS, type Metadata } from '@grpc/grpc-js';
import { GolekError } from '@golek/providers-spi';
import { statusOf } from './call-failure.ts';

/** What the library makes of a web page in place of an answer: it reads the page as a message. */
const MISREAD = new Set<number | undefined>([STATUS.RESOURCE_EXHAUSTED, STATUS.UNKNOWN, STATUS.INTERNAL]);

/** Notes what kind of answer a call gets, so that a failure to read it can be told for what it is. */
export class ContentType {
  #type: string | undefined;

  constructor(call: { on(event: 'metadata', listener: (metadata: Metadata) => void): unknown }) {
    call.on('metadata', (metadata) => (this.#type = metadata.get('content-type')[0]?.toString()));
  }

  /** The failure itself, or that there was no answer of gRPC. */
  explain(thrown: unknown, where: string): unknown {
    const type = this.#type?.split(';')[0]?.trim().toLowerCase();
    if (type === undefined || type.startsWith('application/grpc') || !MISREAD.has(statusOf(thrown))) return thrown;
    return new GolekError(
      'provider_failed',
      `${where} sent the content type '${type.slice(0, 64)}', which is no gRPC; check its baseUrl`,
      { cause: thrown },
    );
  }
}
