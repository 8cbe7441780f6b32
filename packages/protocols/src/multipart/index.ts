export { boundaryOf, MultipartParser, type MultipartEvent } from './multipart-parser.ts';
export type { PartHead } from './part-head.ts';
