// The TypeScript client 2.x; the first argument chooses its era: "legacy" or "auto".
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { answer, server, visit } from "./common.mjs";

const installed = createRequire(`${process.cwd()}/`);
const load = (name) => import(pathToFileURL(installed.resolve(name)));
const { Client } = await load("@modelcontextprotocol/client");
const { StdioClientTransport } = await load("@modelcontextprotocol/client/stdio");

const client = new Client(
  { name: "typescript-client", version: "2" },
  {
    capabilities: { elicitation: { form: {} } },
    versionNegotiation: { mode: process.argv[2] },
  },
);
client.setRequestHandler("elicitation/create", answer);
await client.connect(new StdioClientTransport(server));
await visit(client);
