/**
 * The types of nodes: the user's code for steps. Generated `Nodes` interfaces use them, so that the type of a node's context
 * contains exactly the results that exist when the node runs.
 */

/** The results of a step before which no step has finished. */
export type NoResults = Readonly<Record<never, never>>;

/** The context in which a node builds the upstream request. */
export interface StepContext<Request, Results> {
  /** The request id of the client's call. */
  readonly sagaId: string;
  /** The facade's request. */
  readonly request: Request;
  /** The responses of all steps that finish before this one, by step name. */
  readonly results: Results;
}

/** The context in which a node builds the compensation's request. */
export interface CompensateContext<Request, Results, Sent, Received> extends StepContext<Request, Results> {
  /** The request of the step's call. */
  readonly sent: Sent;
  /** The step's response. Undefined if the call failed or its outcome is unknown. */
  readonly received: Received | undefined;
}

/** The node of a step without a compensation. */
export interface StepNode<Request, Results, Sent> {
  /**
   * Builds the upstream request. Called once per saga; retries send the same bytes.
   * Throw {@link Rollback} to roll the saga back with a status. Any other error rolls it back with INTERNAL.
   */
  request(context: StepContext<Request, Results>): Sent | Promise<Sent>;
}

/** The node of a step with a compensation. */
export interface CompensatedNode<Request, Results, Sent, Received, Compensation>
  extends StepNode<Request, Results, Sent> {
  /** Builds the compensation's request. An error counts as a failed attempt: it is retried, and may make the saga STUCK. */
  compensate(context: CompensateContext<Request, Results, Sent, Received>): Compensation | Promise<Compensation>;
}

/** Builds the facade's response after all steps have succeeded (async facade: when it is called, without results). */
export type Respond<Request, Results, Response> = (
  context: StepContext<Request, Results>,
) => Response | Promise<Response>;
