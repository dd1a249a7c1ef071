import { createHash } from "node:crypto";
import type { PlannedFacade } from "../model.js";

/**
 * Hex SHA-256 over a facade's structure: what a running saga's journal relies on. Not timings, retries, topics or
 * comments, nor the fields of messages: adding one is no break.
 */
export function fingerprint(facade: Omit<PlannedFacade, "fingerprint">): string {
  const { rpc, mode, recovery, steps } = facade;
  // The order in which properties are written here is part of the fingerprint.
  const structure = {
    facade: rpc.fullName,
    mode,
    recovery,
    request: rpc.input.fullName,
    response: rpc.output.fullName,
    steps: steps.map((step) => ({
      name: step.name,
      path: step.rpc.path,
      group: step.group,
      kind: step.kind,
      idempotent: step.idempotent,
      compensateOnFailure: step.compensateOnFailure,
      request: step.rpc.input.fullName,
      response: step.rpc.output.fullName,
      compensation: step.compensation
        ? { path: step.compensation.rpc.path, request: step.compensation.rpc.input.fullName }
        : null,
    })),
  };
  return createHash("sha256").update(JSON.stringify(structure)).digest("hex");
}
