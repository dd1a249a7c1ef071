import { createHash } from "node:crypto";
import type { PlannedFacade } from "../model.js";

/**
 * SHA-256 of a facade's structure, in hexadecimal: everything that the journal of an open saga depends on. Timings, retries,
 * topics, comments and the fields of messages are not included.
 */
export function fingerprint(facade: Omit<PlannedFacade, "fingerprint">): string {
  const { rpc, mode, recovery, steps } = facade;
  // The order of these properties is part of the fingerprint.
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
