/** What a code says of the user's input. */
interface CodeEntry {
  readonly severity: "error" | "warning";
  /** One line for the manual. */
  readonly meaning: string;
}

const error = (meaning: string): CodeEntry => ({ severity: "error", meaning });
const warning = (meaning: string): CodeEntry => ({ severity: "warning", meaning });

const entries = {
  SAGA_OPTION_INVALID: error("The plugin doesn't know an option of buf.gen.yaml, or its value."),
  SAGA_OPTION_MISSING: error("The plugin needs an option that buf.gen.yaml doesn't give."),

  SAGA_MODE_MISSING: error("A facade doesn't say its mode."),
  SAGA_FACADE_EMPTY: error("A facade has no steps."),
  SAGA_FACADE_MIXED: error("A facade is marked as a step or a compensation too."),
  SAGA_FACADE_NAME_DUPLICATE: error("Two RPCs of a service with facades have the same name in generated code."),
  SAGA_RPC_STREAMING: error("A facade, step or compensation is a streaming RPC."),

  SAGA_STEP_UNKNOWN: error("A step calls an RPC that is in none of the files of the run."),
  SAGA_STEP_EMPTY: error("An entry of a facade's steps neither calls an RPC nor is a parallel group."),
  SAGA_STEP_FACADE: error("A step calls a facade; sagas don't nest."),
  SAGA_STEP_NAME_INVALID: error("A step's name isn't in lowerCamelCase."),
  SAGA_STEP_NAME_RESERVED: error("A step's name has another meaning in generated code."),
  SAGA_STEP_NAME_DUPLICATE: error("Two steps of a facade have the same name."),
  SAGA_STEP_NOT_RETRIABLE: error("A step that may not be retried stands after the pivot."),

  SAGA_PARALLEL_TOO_SMALL: error("A parallel group has fewer than two steps."),
  SAGA_PARALLEL_NESTED: error("A parallel group stands inside another one."),
  SAGA_PARALLEL_STRAY: error("A parallel group has a name or a topic, which only its steps can have."),

  SAGA_COMPENSATION_MISSING: error("A step has an effect and nothing that undoes it."),
  SAGA_COMPENSATION_UNKNOWN: error("A step names a compensation that doesn't exist."),
  SAGA_COMPENSATION_FOREIGN: error("A step names a compensation of another service."),
  SAGA_COMPENSATION_UNMARKED: error("A step names a compensation that isn't marked as one."),
  SAGA_COMPENSATION_CONTRADICTED: error("A step says that it has no effect, and names a compensation."),
  SAGA_COMPENSATION_UNREACHABLE: error("A step names a compensation that its place in the saga never lets run."),
  SAGA_COMPENSATE_ON_FAILURE_VAIN: error("A step wants to be compensated when it fails, and names no compensation."),

  SAGA_PIVOT_DUPLICATE: error("A facade has more than one pivot."),
  SAGA_PIVOT_PARALLEL: error("A pivot stands in a parallel group."),
  SAGA_PIVOT_NOT_IDEMPOTENT: error("A pivot isn't known idempotent."),
  SAGA_COMPENSATABLE_AFTER_PIVOT: error("A step of kind compensatable stands after the pivot."),
  SAGA_RETRIABLE_BEFORE_PIVOT: error("A step of kind retriable doesn't stand after a pivot."),

  SAGA_RETRY_NOT_IDEMPOTENT: error("A step that isn't known idempotent is to be retried."),
  SAGA_RETRY_INVALID: error("A retry policy's max_attempts or multiplier is out of range."),
  SAGA_BACKOFF_INVERTED: error("A retry policy's initial_backoff is longer than its max_backoff."),
  SAGA_DURATION_INVALID: error("A duration is negative, shorter than 1 ms, too long or malformed."),

  SAGA_TOPIC_INVALID: error("A topic's name is empty, too long or has characters that topics can't have."),
  SAGA_TOPIC_DUPLICATE: error(
    "Two steps or rollbacks share a topic, or one's topic is the dead-letter topic of another's.",
  ),
  SAGA_TOPIC_UNUSED: warning("A step of a sync facade has a topic, which nothing uses."),
  SAGA_DEADLINE_SHORT: warning("A facade's deadline is shorter than its steps may take."),

  // Reported where the run is told what the protos said before.
  SAGA_AGAINST_UNREADABLE: error('The image that "against" names is missing, or can\'t be read.'),
  SAGA_BREAK_FACADE_GONE: error("A facade is gone: sagas of it may be in flight."),
  SAGA_BREAK_MODE: error("A facade has another mode than before."),
  SAGA_BREAK_TYPE: error("A facade, or a step, has another request or response type than before."),
  SAGA_BREAK_STEP_REMOVED: error("A facade has a step less than before."),
  SAGA_BREAK_STEP_INSERTED: error("A facade has a step more than before."),
  SAGA_BREAK_STEP_RENAMED: error("A step has another name than before; idempotency keys hold it."),
  SAGA_BREAK_STEP_REORDERED: error("A facade's steps stand in another order than before."),
  SAGA_BREAK_STEP_CALL: error("A step calls another RPC than before."),
  SAGA_BREAK_PARALLEL: error("Steps run at the same time that did not before, or the other way round."),
  SAGA_BREAK_PIVOT: error("A facade has another pivot than before."),
  SAGA_BREAK_COMPENSATION: error("A step has another compensation than before."),
  SAGA_BREAK_POLICY: error("What is done after a failure or a crash is another than before."),
  SAGA_BREAK_TOPIC_REUSED: error("A topic is now that of another step or rollback."),
  SAGA_BREAK_TOPIC_MOVED: warning("A step or a rollback has another topic than before."),

  // Reported by merge.
  SAGA_STUB_SYNTAX: error("A node file doesn't parse, so what it holds can't be kept apart from what it lacks."),
  SAGA_STUB_ENCODING: error("A file among the node files isn't UTF-8."),
  SAGA_STUB_ORPHAN: warning("A node has no step any more."),
  SAGA_STUB_NOT_EXPORTED: warning("A node's name is declared in its file and not exported."),
  SAGA_STUB_UNSEEN: warning("A node file exports what the generator can't look into."),
  SAGA_STUB_FACADE_GONE: warning("A node file has no facade any more."),
} as const satisfies Record<string, CodeEntry>;

/** The code of a message about the user's input. */
export type GeneratorCode = keyof typeof entries;

/** Every code that the generator reports, with its severity and what it means. Documented in docs/errors.md. */
export const generatorCodes: Readonly<Record<GeneratorCode, CodeEntry>> = entries;
