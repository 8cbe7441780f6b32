/** llama.cpp's name of one part of a model that is split over several files. */
const SPLIT = /^(?<stem>.+)-(?<part>\d{5})-of-(?<parts>\d{5})\.gguf$/i;

export interface SplitFile {
  /** The file name without number and extension. */
  readonly stem: string;
  /** 1 for the first. */
  readonly part: number;
  readonly parts: number;
}

/** Reads `name-00001-of-00003.gguf`; undefined for a model in one file. */
export const splitFile = (fileName: string): SplitFile | undefined => {
  const groups = SPLIT.exec(fileName)?.groups;
  if (!groups) return undefined;
  return { stem: groups['stem'] as string, part: Number(groups['part']), parts: Number(groups['parts']) };
};
