// One unary call of gRPC as a promise.

import { type Client, Metadata, type ServiceDefinition, type ServiceError } from "@grpc/grpc-js";

/** Rejects with what `failed` makes of the error; `error` is null for an empty reply. */
export function unaryCall<Reply>(
  client: Client,
  method: ServiceDefinition[string],
  request: object,
  timeoutMs: number,
  failed: (error: ServiceError | null) => Error,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest<object, Reply>(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      new Metadata(),
      { deadline: Date.now() + timeoutMs },
      (error, reply) => {
        if (error === null && reply !== undefined) resolve(reply);
        else reject(failed(error));
      },
    );
  });
}
