/** Media type of a streamed answer: an object of JSON in each line. */
export const NDJSON = 'application/x-ndjson';
