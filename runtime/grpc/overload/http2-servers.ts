import type { Http2Server } from "node:http2";
import type { Server } from "@grpc/grpc-js";

/**
 * What a server of grpc-js listens with. Where grpc-js keeps these elsewhere one day, there are none.
 * @param server bound already
 */
export function http2ServersOf(server: Server): readonly Http2Server[] {
  const { http2Servers } = server as unknown as { http2Servers?: Map<Http2Server, unknown> };
  return http2Servers === undefined ? [] : [...http2Servers.keys()];
}
