import type { handleUnaryCall, MethodDefinition, Server, UntypedServiceImplementation } from "@grpc/grpc-js";
import { SagaError } from "../core/errors.js";
import type { Engine } from "../engine/engine.js";
import type { Log } from "../engine/ports.js";
import type { SagaService } from "../facade/definition.js";
import { bytesMethod, facadeHandler } from "./facade-handler.js";
import { errorStatus } from "./status.js";

/** Registers services. @throws SagaError SAGA_DEFINITION_INVALID where an RPC has no handler */
export function addServices(server: Server, services: readonly SagaService[], engine: Engine, log: Log): void {
  for (const service of services) {
    const definition: Record<string, MethodDefinition<unknown, unknown>> = {};
    const handlers: UntypedServiceImplementation = {};
    for (const [name, method] of Object.entries(service.definition)) {
      const facade = service.facades[name];
      const own = service.rpcs?.[name];
      if (facade !== undefined) {
        definition[name] = bytesMethod(method) as MethodDefinition<unknown, unknown>;
        handlers[name] = facadeHandler(engine, facade, log);
      } else if (own !== undefined) {
        definition[name] = method;
        handlers[name] = method.requestStream || method.responseStream ? own : guarded(own as Unary, method.path, log);
      } else {
        throw new SagaError(
          "SAGA_DEFINITION_INVALID",
          `${method.path} is no facade and has no handler; give one to the service's function in generated/handler`,
        );
      }
    }
    server.addService(definition, handlers);
  }
}

type Unary = handleUnaryCall<unknown, unknown>;

/** grpc-js leaves a client hanging when an async handler rejects. */
function guarded(handler: Unary, path: string, log: Log): Unary {
  return (call, callback) => {
    const fail = (error: unknown) => {
      log.error({ rpc: path, err: error }, "a handler failed");
      callback(errorStatus(error));
    };
    try {
      const result: unknown = handler(call, callback);
      if (result instanceof Promise) {
        result.catch(fail);
      }
    } catch (error) {
      fail(error);
    }
  };
}
