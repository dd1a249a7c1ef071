export type { ConfigInput } from "./config/schema.js";
export { errorCatalogue, isRollback, isSagaError, Rollback, SagaError, type SagaErrorCode } from "./core/errors.js";
export type { RetryPolicy } from "./core/plan.js";
export { Status, type StatusCode, type StatusName } from "./core/status.js";
export type { Completion } from "./engine/messages.js";
export type { Codec } from "./facade/codec.js";
export {
  type CompensationDefinition,
  defineFacade,
  defineService,
  type FacadeDefinition,
  type SagaService,
  type StepDefinition,
} from "./facade/definition.js";
export { type Dto, type DtoCodec, type DtoWire, defineDto } from "./facade/dto.js";
export type {
  CompensateContext,
  CompensatedNode,
  NoResults,
  Respond,
  StepContext,
  StepNode,
} from "./facade/node.js";
export { todo } from "./facade/todo.js";
export { type CheckSagasOptions, checkSagas, type ParkedSagas, type SagasCheck } from "./grpc/check-sagas.js";
export { openPostgresJournal } from "./grpc/open-journal.js";
export { type RunOptions, runServer } from "./grpc/run-server.js";
export { type SagaServer, type ServerOptions, startServer } from "./grpc/server.js";
export type { Journal, SagasInFlight } from "./journal/journal.js";
export type { PostgresOptions } from "./journal/postgres/journal.js";
export { openSqliteJournal, type SqliteOptions } from "./journal/sqlite/journal.js";
