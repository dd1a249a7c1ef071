import { type Server, ServerCredentials } from "@grpc/grpc-js";

/** Has a server listen on a free port. @returns its address */
export function listen(server: Server): Promise<string> {
  return new Promise((resolve, reject) => {
    server.bindAsync("localhost:0", ServerCredentials.createInsecure(), (error, port) => {
      if (error) reject(error);
      else resolve(`localhost:${port}`);
    });
  });
}
