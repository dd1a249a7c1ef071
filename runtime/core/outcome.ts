import type { Command, SagaEvent } from "./event.js";
import type { SagaState } from "./state.js";

/** What follows from an event. */
export interface Transition {
  readonly state: SagaState;
  readonly commands: readonly Command[];
  /** The event with what was decided on it: what the journal is to keep. Absent where there was nothing to decide. */
  readonly decided?: SagaEvent;
  /** Set where the state machine did not expect the event: why. The state is unchanged and there are no commands. */
  readonly unexpected?: string;
}

/** An event that changes nothing, with the verdict to record. */
export function unexpected(state: SagaState, why: string): Transition {
  return { state, commands: [], unexpected: why };
}
