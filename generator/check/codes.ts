/** The meaning of a code. */
interface CodeEntry {
  readonly severity: "error" | "warning";
  /** One line for the documentation. */
  readonly meaning: string;
}

const error = (meaning: string): CodeEntry => ({ severity: "error", meaning });
const warning = (meaning: string): CodeEntry => ({ severity: "warning", meaning });

const entries = {
  SAGA_OPTION_INVALID: error("buf.gen.yaml has an unknown option, or an invalid value."),
  SAGA_OPTION_MISSING: error("A required option is missing from buf.gen.yaml."),

  SAGA_MODE_MISSING: error("A facade has no mode."),
  SAGA_FACADE_EMPTY: error("A facade has no steps."),
  SAGA_FACADE_MIXED: error("A facade is also marked as a step or a compensation."),
  SAGA_FACADE_NAME_DUPLICATE: error("Two RPCs of a service with facades have the same name in generated code."),
  SAGA_RPC_STREAMING: error("A facade, step or compensation is a streaming RPC."),

  SAGA_STEP_UNKNOWN: error("A step calls an RPC that no file of the run declares."),
  SAGA_STEP_EMPTY: error("An entry of a facade's steps neither calls an RPC nor is a parallel group."),
  SAGA_STEP_FACADE: error("A step calls a facade. Sagas can't be nested."),
  SAGA_STEP_NAME_INVALID: error("A step's name is not in lowerCamelCase."),
  SAGA_STEP_NAME_RESERVED: error("A step's name is reserved in generated code."),
  SAGA_STEP_NAME_DUPLICATE: error("Two steps of a facade have the same name."),
  SAGA_STEP_NOT_RETRIABLE: error("A step that must not be retried is after the pivot."),

  SAGA_PARALLEL_TOO_SMALL: error("A parallel group has fewer than two steps."),
  SAGA_PARALLEL_NESTED: error("A parallel group is inside another one."),
  SAGA_PARALLEL_STRAY: error("A parallel group has a name or a topic, which only its steps can have."),

  SAGA_COMPENSATION_MISSING: error("A step has an effect but no compensation."),
  SAGA_COMPENSATION_UNKNOWN: error("A step names a compensation that doesn't exist."),
  SAGA_COMPENSATION_FOREIGN: error("A step names a compensation of another service."),
  SAGA_COMPENSATION_UNMARKED: error("A step names a compensation that is not marked as one."),
  SAGA_COMPENSATION_CONTRADICTED: error("A step has no effect but names a compensation."),
  SAGA_COMPENSATION_UNREACHABLE: error("A step names a compensation that never runs because of the step's position."),
  SAGA_COMPENSATE_ON_FAILURE_VAIN: error("A step has compensate_on_failure but names no compensation."),

  SAGA_PIVOT_DUPLICATE: error("A facade has more than one pivot."),
  SAGA_PIVOT_PARALLEL: error("A pivot is in a parallel group."),
  SAGA_PIVOT_NOT_IDEMPOTENT: error("A pivot is not known to be idempotent."),
  SAGA_COMPENSATABLE_AFTER_PIVOT: error("A step of kind compensatable is after the pivot."),
  SAGA_RETRIABLE_BEFORE_PIVOT: error("A step of kind retriable is not after a pivot."),

  SAGA_RETRY_NOT_IDEMPOTENT: error("A step that is not known to be idempotent is retried."),
  SAGA_RETRY_INVALID: error("A retry policy's max_attempts or multiplier is out of range."),
  SAGA_BACKOFF_INVERTED: error("A retry policy's initial_backoff is longer than its max_backoff."),
  SAGA_DURATION_INVALID: error("A duration is negative, shorter than 1 ms, too long or malformed."),

  SAGA_TOPIC_INVALID: error("A topic's name is empty, too long or has invalid characters."),
  SAGA_TOPIC_DUPLICATE: error(
    "Two steps or rollbacks share a topic, or one's topic is the dead-letter topic of another's.",
  ),
  SAGA_TOPIC_UNUSED: warning("A step of a sync facade has a topic, which nothing uses."),
  SAGA_DEADLINE_SHORT: warning("A facade's deadline is shorter than the maximum duration of its steps."),

  // Reported if the option `against` is set.
  SAGA_AGAINST_UNREADABLE: error('The image that "against" names is missing, or can\'t be read.'),
  SAGA_BREAK_FACADE_GONE: error("A facade was removed, but may have open sagas."),
  SAGA_BREAK_MODE: error("The mode of a facade has changed."),
  SAGA_BREAK_TYPE: error("The request or response type of a facade or a step has changed."),
  SAGA_BREAK_STEP_REMOVED: error("A step was removed from a facade."),
  SAGA_BREAK_STEP_INSERTED: error("A step was added to a facade."),
  SAGA_BREAK_STEP_RENAMED: error("The name of a step has changed. Idempotency keys contain it."),
  SAGA_BREAK_STEP_REORDERED: error("The order of a facade's steps has changed."),
  SAGA_BREAK_STEP_CALL: error("The RPC of a step has changed."),
  SAGA_BREAK_PARALLEL: error("Steps that ran one after the other run in parallel now, or the reverse."),
  SAGA_BREAK_PIVOT: error("The pivot of a facade has changed."),
  SAGA_BREAK_COMPENSATION: error("The compensation of a step has changed."),
  SAGA_BREAK_POLICY: error("The behaviour after a failure or a crash has changed."),
  SAGA_BREAK_TOPIC_REUSED: error("A topic belongs to another step or rollback now."),
  SAGA_BREAK_TOPIC_MOVED: warning("The topic of a step or a rollback has changed."),

  // Reported by merge.
  SAGA_STUB_SYNTAX: error("A node file has a syntax error."),
  SAGA_STUB_ENCODING: error("A file in stubs_dir is not UTF-8."),
  SAGA_STUB_ORPHAN: warning("A node has no step."),
  SAGA_STUB_NOT_EXPORTED: warning("A node is declared but not exported."),
  SAGA_STUB_UNSEEN: warning("A node file has exports that the generator can't resolve."),
  SAGA_STUB_FACADE_GONE: warning("A node file has no facade."),
} as const satisfies Record<string, CodeEntry>;

/** The code of an error or a warning about the user's input. */
export type GeneratorCode = keyof typeof entries;

/** Every code that the generator reports, with its severity and what it means. Documented in docs/reference/errors.md. */
export const generatorCodes: Readonly<Record<GeneratorCode, CodeEntry>> = entries;
