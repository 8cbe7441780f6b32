/** Shows how far a build is. */
export interface BuildProgress extends Disposable {
  /** A step, or a line of a program. */
  show(line: string): void;
  end(): void;
}

type Terminal = Pick<NodeJS.WriteStream, 'isTTY' | 'columns' | 'write'>;

/** `[ 42%]` of make, `[12/345]` of ninja. */
const STEP = /^\[\s*(?:(\d+)%|(\d+)\/(\d+))\]/;
/** Without a terminal a line for each tenth is enough for a log. */
const PARTS = 10;

const partOf = (line: string): number | undefined => {
  const [, percent, done, all] = STEP.exec(line) ?? [];
  if (percent !== undefined) return Number(percent) / 100;
  return done === undefined ? undefined : Number(done) / Number(all);
};

/** On a terminal one line that changes; elsewhere the steps, and a line for each tenth of the compilation. */
export const buildProgress = (terminal: Terminal): BuildProgress => {
  let told = -1;
  let isShown = false;
  const end = (): void => {
    if (isShown) terminal.write('\r\u001b[K');
    isShown = false;
  };
  return {
    show: (line) => {
      if (terminal.isTTY) {
        terminal.write(`\r\u001b[K${line.slice(0, Math.max(20, (terminal.columns || 80) - 1))}`);
        isShown = true;
        return;
      }
      const part = partOf(line);
      if (part === undefined) {
        // Programs say much; the steps of the build are the lines that begin with a small letter and name no file.
        if (/^[a-z][a-z ]+$/.test(line)) terminal.write(`${line}\n`);
        return;
      }
      const tenth = Math.floor(part * PARTS);
      if (tenth > told) terminal.write(`compiled ${Math.round(part * 100)}%\n`);
      told = Math.max(told, tenth);
    },
    end,
    [Symbol.dispose]: end,
  };
};
