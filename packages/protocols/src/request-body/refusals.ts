import { z } from 'zod';

/** What the protocol allows and Golek cannot honour, with the remedy for the caller. */
export interface Refusal {
  /** For a value that the schema does not accept. */
  readonly remedy?: string;
  /** For the values of a union's discriminator that belong to the protocol and have no branch here. */
  readonly variants?: Readonly<Record<string, string>>;
}

/** Refusals by schema: kept beside the schemas so that accepting a request costs nothing more. */
export const REFUSALS = z.registry<Refusal>();

/** A parameter that cannot be honoured: only its absence, or null, is accepted. */
export const refused = (remedy: string): z.ZodOptional<z.ZodNull> => z.null().optional().register(REFUSALS, { remedy });

/** A parameter of which only the values of `schema` can be honoured. */
export const limited = <S extends z.ZodType>(schema: S, remedy: string): S => {
  REFUSALS.add(schema, { remedy });
  return schema;
};

/** A union without the named variants of the protocol. */
export const withoutVariants = <S extends z.ZodType>(schema: S, variants: Readonly<Record<string, string>>): S => {
  REFUSALS.add(schema, { variants });
  return schema;
};
