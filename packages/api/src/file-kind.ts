/** What files begin with; those that nothing here reads are listed to be called by their name. */
const BEGINNINGS: readonly (readonly [name: string, begins: RegExp])[] = [
  ['PNG', /^\x89PNG\r\n\x1a\n/],
  ['JPEG', /^\xff\xd8\xff/],
  ['WebP', /^RIFF[^]{4}WEBP/],
  ['GIF', /^GIF8[79]a/],
  ['WAV', /^RIFF[^]{4}WAVE/],
  ['BMP', /^BM/],
  ['TIFF', /^(II\*\0|MM\0\*)/],
  ['AVIF or HEIF', /^[^]{4}ftyp(avi|hei|hev|mif|msf)/],
  ['MP4', /^[^]{4}ftyp/],
  ['MP3', /^(ID3|\xff[\xe2-\xff])/],
  ['Ogg', /^OggS/],
  ['FLAC', /^fLaC/],
  ['WebM or Matroska', /^\x1aE\xdf\xa3/],
  ['WAV of 64 bits (RF64)', /^RF64/],
  ['AIFF', /^FORM[^]{4}AIF/],
  ['PDF', /^%PDF/],
  ['SVG or XML', /^(\xef\xbb\xbf)?\s*</],
];

const LONGEST = 64;

/** The format of a file by its first bytes; undefined for one that is not known. */
export const fileKind = (bytes: Uint8Array): string | undefined => {
  const length = Math.min(bytes.byteLength, LONGEST);
  const beginning = Buffer.from(bytes.buffer, bytes.byteOffset, length).toString('latin1');
  return BEGINNINGS.find(([, begins]) => begins.test(beginning))?.[0];
};
