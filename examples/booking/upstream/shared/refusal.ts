import type { status } from "@grpc/grpc-js";

/** A definite answer other than OK. The ledger keeps it, so that a repeat of the call gets the same one. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly code: status;

  constructor(code: status, message: string) {
    super(message);
    this.code = code;
  }
}
