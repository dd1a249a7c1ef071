import { z } from "zod";

/** The environment has only texts; a file's value must be a number (zod's own coercion would take `true` for 1). */
const asNumber = (value: unknown) =>
  typeof value === "string" && value.trim() !== "" && value !== "forever" ? Number(value) : value;

/** host:port */
export const address = z
  .string()
  .refine((text) => /^(\[[0-9a-fA-F:]+\]|[^\s:/]+):\d+$/.test(text), { error: "must be host:port", abort: true })
  .refine((text) => Number(text.slice(text.lastIndexOf(":") + 1)) < 65_536, "the port is beyond 65535");

/** A whole number between two others. */
export const count = (least: number, most: number) => z.preprocess(asNumber, z.number().int().min(least).max(most));

/** A time, ms, no longer than Node's timers hold. */
export const ms = count(1, 2 ** 31 - 1);

const keepError = 'must be a whole number of ms, from 1000 to 315360000000, or "forever"';

/** How long something is kept, ms; ten years at most. */
export const keepMs = z.preprocess(
  asNumber,
  z
    .union([z.literal("forever"), z.number()], keepError)
    .refine((value) => value === "forever" || (Number.isInteger(value) && value >= 1_000 && value <= 315_360_000_000), {
      message: keepError,
    }),
);

/** Yes or no; the environment may also say `1`, `on`, `no`… */
export const flag = z.union([z.boolean(), z.stringbool()], "must be true or false");

/** The path of a file. */
export const file = z.string().min(1);

/** The TLS of a connection that this server opens. */
export const clientTls = z.strictObject({
  enabled: flag.default(false).describe("Whether to speak TLS; otherwise plaintext."),
  ca: file.optional().describe("PEM file of the authorities to trust. Default: the system's."),
  cert: file.optional().describe("PEM file of the client's certificate."),
  key: file.optional().describe("PEM file of the client's key."),
});
