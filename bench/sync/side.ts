/** What is compared. Each side has its own process. */
export const sides = {
  baseline: { letter: "a", file: "naive-facade.ts", what: "hand-written, no journal" },
  limit: { letter: "b", file: "yielding-facade.ts", what: "the same with yields" },
  saga: { letter: "c", file: "saga-facade.ts", what: "generated, fsynced journal" },
  postgres: { letter: "d", file: "../support/postgres-facade.ts", what: "the same on PostgreSQL" },
} as const;

/** One of the sides. */
export type Side = keyof typeof sides;

/** All sides, a first. */
export const allSides: readonly Side[] = ["baseline", "limit", "saga", "postgres"];

/** What a facade's process reports when it is ready. */
export interface FacadeReady {
  readonly address: string;
}
