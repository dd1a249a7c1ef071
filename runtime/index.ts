export { errorCatalogue, isRollback, isSagaError, Rollback, SagaError, type SagaErrorCode } from "./core/errors.js";
export { Status, type StatusCode, type StatusName } from "./core/status.js";
export type { Codec } from "./facade/codec.js";
export {
  type CompensationDefinition,
  defineFacade,
  type FacadeDefinition,
  type RetryPolicy,
  type StepDefinition,
} from "./facade/definition.js";
export { type Dto, type DtoCodec, defineDto } from "./facade/dto.js";
export type {
  CompensateContext,
  CompensatedNode,
  NoResults,
  Respond,
  StepContext,
  StepNode,
} from "./facade/node.js";
export { defineService, type SagaService } from "./facade/service.js";
export { todo } from "./facade/todo.js";
