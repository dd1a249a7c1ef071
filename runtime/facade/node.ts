/**
 * The types of the user's code for a step. Generated `Nodes` interfaces are made of them, so that a node sees, typed,
 * just what has surely happened before it.
 */

/** The results of a step that nothing finished before. */
export type NoResults = Readonly<Record<never, never>>;

/** What a node knows when it builds the upstream request. */
export interface StepContext<Request, Results> {
  /** The request id of the client's call. */
  readonly sagaId: string;
  /** The facade's request. */
  readonly request: Request;
  /** The responses of the steps that have surely finished before this one, by step name. */
  readonly results: Results;
}

/** What a node knows when it builds the compensation's request. */
export interface CompensateContext<Request, Results, Sent, Received> extends StepContext<Request, Results> {
  /** The request that the step's call bore. */
  readonly sent: Sent;
  /** The step's response; undefined where the outcome of its call never became known, or was a failure. */
  readonly received: Received | undefined;
}

/** A step that leaves nothing to undo, is the pivot, or stands after it. */
export interface StepNode<Request, Results, Sent> {
  /**
   * Builds the upstream request. Called once a saga; retries send the same bytes.
   * Throw {@link Rollback} to roll the saga back with a status of your choice; any other error rolls back as INTERNAL.
   */
  request(context: StepContext<Request, Results>): Sent | Promise<Sent>;
}

/** A step with a compensation. */
export interface CompensatedNode<Request, Results, Sent, Received, Compensation>
  extends StepNode<Request, Results, Sent> {
  /** Builds the compensation's request. An error counts as a failed attempt: it is tried again, and in the end STUCK. */
  compensate(context: CompensateContext<Request, Results, Sent, Received>): Compensation | Promise<Compensation>;
}

/** Builds the facade's response once all steps have succeeded (async facades: at once, with no results). */
export type Respond<Request, Results, Response> = (
  context: StepContext<Request, Results>,
) => Response | Promise<Response>;
