/** What a new plugin can start as, with a line for people. */
export const TEMPLATES = {
  transform: 'changes requests and answers, and has a route of its own',
  authenticator: 'tells who makes a request, from a header',
  provider: 'brings models that answer requests',
} as const;
export type Template = keyof typeof TEMPLATES;

export const isTemplate = (name: string): name is Template => Object.hasOwn(TEMPLATES, name);
