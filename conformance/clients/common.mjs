// What both TypeScript clients do: list, read, write, and answer forms as their text says.

export const server = JSON.parse(process.env.CRM_MCP_COMMAND);
const calls = JSON.parse(process.env.CRM_MCP_CALLS);
const READING_MS = 1500;

/** Answer a form like a person who reads it: the words of the test, then approve. */
export async function answer({ params }) {
  await new Promise((read) => setTimeout(read, READING_MS));
  const content = {};
  for (const [name, field] of Object.entries(params.requestedSchema.properties)) {
    content[name] = name === "decision" ? "approve" : told(params.message, field.title);
  }
  return { action: "accept", content };
}

function told(message, title) {
  const line = message.split("\n").find((one) => one.startsWith(`${title}: `));
  return line.slice(title.length + 2);
}

/** List all pages and make both calls; what comes back is seen on the wire. */
export async function visit(client) {
  let cursor;
  do {
    ({ nextCursor: cursor } = await client.listTools(cursor ? { cursor } : {}));
  } while (cursor);
  for (const call of calls) await client.callTool(call);
  await client.close();
}
