/** Pieces of the upstream's answer; joined they are its text. */
export const answerWords = (count: number): string[] => Array.from({ length: count }, (_, index) => `word${index} `);
