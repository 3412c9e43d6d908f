import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Backend, Prompt } from "../src/backends/backend.ts";

/** What a test sees of a request. */
export interface Asked {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: Readonly<Record<string, unknown>>;
  /** Number of the request, from 1. */
  readonly number: number;
}

export type Respond = (asked: Asked, response: ServerResponse) => unknown;

export interface OpenaiServer {
  readonly url: string;
  readonly asked: readonly Asked[];
  /** Requests that are being answered. */
  readonly most: () => number;
  respond: Respond;
  close(): Promise<void>;
}

/** A local server with the paths of OpenAI's API; what it answers is the test's. */
export async function openaiServer(respond: Respond): Promise<OpenaiServer> {
  const asked: Asked[] = [];
  let [underWay, most] = [0, 0];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const one: Asked = {
        path: request.url ?? "",
        authorization: request.headers.authorization,
        body: JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>,
        number: asked.length + 1,
      };
      asked.push(one);
      most = Math.max(most, ++underWay);
      response.on("close", () => underWay--);
      Promise.resolve(self.respond(one, response)).catch((error: unknown) => send(response, 500, String(error)));
    });
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const self: OpenaiServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    asked,
    most: () => most,
    respond,
    async close() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
  return self;
}

export function send(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { "Content-Type": "application/json", ...headers });
  response.end(typeof body === "string" ? body : JSON.stringify(body));
}

/** A chat answer as OpenAI gives it. */
export const chat = (content: string, more: object = {}, choice: object = {}) => ({
  choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop", ...choice }],
  usage: { prompt_tokens: 7, completion_tokens: content.length },
  ...more,
});

/** Answers with a backend of ours, so that the server really has a model. */
export function served(backend: Backend): Respond {
  return async ({ path, body }, response) => {
    const {
      messages,
      prompt,
      stop,
      seed,
      n = 1,
    } = body as { stop?: string[]; seed: number; n?: number } & Record<string, unknown>;
    const question = (path.endsWith("/chat/completions") ? { messages } : { text: prompt }) as Prompt;
    const samples = Array.from({ length: n }, (_, i) => i);
    const [answers] = await backend.generate([{ prompt: question, samples, key: [seed] }], {
      maxTokens: body.max_tokens as number,
      temperature: body.temperature as number,
      topP: (body.top_p as number | undefined) ?? 1,
      topK: (body.top_k as number | undefined) ?? 0,
      logprobs: true,
      ...(stop && { stop }),
    });
    send(response, 200, {
      choices: answers!.map(({ text, finish, logprobs }, index) => {
        // Like OpenAI, the stop text is left out; like vLLM, it is named.
        const ended = stop?.find((one) => text.endsWith(one));
        const content = ended === undefined ? text : text.slice(0, -ended.length);
        const probabilities = Array.from(logprobs!);
        return {
          index,
          finish_reason: finish,
          stop_reason: ended ?? null,
          ...(path.endsWith("/chat/completions")
            ? {
                message: { role: "assistant", content },
                logprobs: { content: probabilities.map((logprob) => ({ logprob })) },
              }
            : { text: content, logprobs: { token_logprobs: probabilities } }),
        };
      }),
      usage: { prompt_tokens: 1, completion_tokens: answers!.reduce((sum, { tokens }) => sum + tokens, 0) },
    });
  };
}
