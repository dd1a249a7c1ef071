import { join } from "node:path";
import type { MethodDefinition } from "@grpc/grpc-js";
import { loadSync, type PackageDefinition } from "@grpc/proto-loader";
import { repository } from "../../support/compiled/program.js";

/** A service with RPCs of every kind. */
export const shopProto = join(import.meta.dirname, "shop.proto");

/** What proto-loader makes of it. */
export function loadShop(): PackageDefinition {
  return loadSync(shopProto, { includeDirs: [join(repository, "proto")], keepCase: true });
}

/** Its request and its response. */
export interface ShopMessage {
  readonly name: string;
}

/** Hold's response. */
export interface HoldMessage {
  readonly hold_id: number;
}

type Method<Request extends boolean, Response extends boolean> = MethodDefinition<ShopMessage, ShopMessage> & {
  readonly requestStream: Request;
  readonly responseStream: Response;
};

type Unary = Method<false, false>;

/** The service as ts-proto would define it. */
export interface Shop {
  readonly Reserve: Unary;
  readonly Hold: MethodDefinition<ShopMessage, HoldMessage> & Pick<Unary, "requestStream" | "responseStream">;
  readonly Release: Unary;
  readonly Charge: Unary;
  readonly Look: Unary;
  readonly Rename: Unary;
  readonly Watch: Method<false, true>;
  readonly Collect: Method<true, false>;
  readonly Chat: Method<true, true>;
}

function isShop(loaded: unknown): loaded is Shop {
  const rpcs = ["Reserve", "Hold", "Release", "Charge", "Look", "Rename", "Watch", "Collect", "Chat"];
  return typeof loaded === "object" && loaded !== null && rpcs.every((rpc) => rpc in loaded);
}

/** Its definition. */
export function shopDefinition(): { readonly [Name in keyof Shop]: Shop[Name] } {
  const loaded: unknown = loadShop()["shop.Shop"];
  if (!isShop(loaded)) throw new Error("shop.proto has not the RPCs that the tests use");
  return loaded;
}
