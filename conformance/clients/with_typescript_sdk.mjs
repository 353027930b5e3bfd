// The TypeScript SDK 1.x.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { answer, server, visit } from "./common.mjs";

const installed = createRequire(`${process.cwd()}/`);
const load = (name) => import(pathToFileURL(installed.resolve(`@modelcontextprotocol/sdk/${name}`)));
const { Client } = await load("client/index.js");
const { StdioClientTransport } = await load("client/stdio.js");
const { ElicitRequestSchema } = await load("types.js");

const client = new Client(
  { name: "typescript-sdk", version: "1" },
  { capabilities: { elicitation: { form: {} } } },
);
client.setRequestHandler(ElicitRequestSchema, answer);
await client.connect(new StdioClientTransport(server));
await visit(client);
