export type { Broker, BrokerObserver, Handler, Slots, SubscribeOptions } from "./broker/broker.js";
export type { Config, ConfigInput } from "./config/schema.js";
export { errorCatalogue, isRollback, isSagaError, Rollback, SagaError, type SagaErrorCode } from "./core/errors.js";
export type { Failure } from "./core/event.js";
export type { RetryPolicy, SagaPlan, StepPlan } from "./core/plan.js";
export type { SagaFailure } from "./core/state.js";
export { Status, type StatusCode, type StatusName } from "./core/status.js";
export type { Completion } from "./engine/messages.js";
export type { OperatorAct } from "./engine/operator.js";
export type {
  AttemptRef,
  Clock,
  Log,
  SagaHooks,
  SagaRef,
  UpstreamCall,
  UpstreamOutcome,
  Upstreams,
} from "./engine/ports.js";
export type { Codec } from "./facade/codec.js";
export {
  type AnyNode,
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
export type { AuthContext, Authorize, CallFailure, ClientCall } from "./grpc/call.js";
export { type CheckSagasOptions, checkSagas, type ParkedSagas, type SagasCheck } from "./grpc/check-sagas.js";
export { isSagaRunError, type RunSagaOptions, SagaRunError } from "./grpc/facade-calls.js";
export { openPostgresJournal } from "./grpc/open.js";
export { isLateGrpcAnswer, type RunOptions, runServer } from "./grpc/run-server.js";
export { type AddOptions, createSagas, type Sagas, type SagasOptions } from "./grpc/sagas.js";
export { type SagaServer, type ServerOptions, startServer } from "./grpc/server.js";
export type { ServiceRegistry } from "./grpc/services.js";
export type { CallMetadata, UpstreamOptions } from "./grpc/upstreams.js";
export type {
  Answer,
  DeadLetter,
  Entry,
  FirstEntry,
  IdleSaga,
  Journal,
  Message,
  MessageStore,
  SagasInFlight,
  StoredMessage,
  StoredPhase,
  StoredSaga,
} from "./journal/journal.js";
export type { PostgresOptions } from "./journal/postgres/journal.js";
export { openSqliteJournal, type SqliteOptions } from "./journal/sqlite/journal.js";
