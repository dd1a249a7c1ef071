/** What a statement gives, as far as the driver looks. */
export interface PostgresResult {
  readonly rows: readonly unknown[];
  readonly rowCount: number | null;
  readonly command: string;
}

// biome-ignore-start lint/suspicious/noExplicitAny: a statement's values are of any type, in node-postgres' types too.

/** What the driver needs of a connection: node-postgres' PoolClient has it. */
export interface PostgresClient {
  query(text: string, values?: any[]): Promise<PostgresResult>;
  on(event: "error", listener: (error: Error) => void): unknown;
  removeListener(event: "error", listener: (error: Error) => void): unknown;
  /** @param destroy whether the connection is not to be used again */
  release(destroy?: boolean): void;
}

/** What the driver needs of a pool: node-postgres' Pool has it. */
export interface PostgresPool {
  connect(): Promise<PostgresClient>;
  query(text: string, values?: any[]): Promise<PostgresResult>;
}

/** The connections that a pool gives: with node-postgres' types, PoolClient. */
export type ClientOf<Pool extends PostgresPool> = Pool extends {
  // node-postgres' second way to connect takes a callback; types are inferred from all ways at once, or from the last.
  connect: { (): Promise<infer Client extends PostgresClient>; (callback: any): void };
}
  ? Client
  : Awaited<ReturnType<Pool["connect"]>>;

// biome-ignore-end lint/suspicious/noExplicitAny: see above
