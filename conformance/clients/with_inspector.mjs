// The command line of the MCP Inspector; the first argument chooses its era. It shows no forms.
import { spawnSync } from "node:child_process";
import { delimiter, join } from "node:path";

const server = JSON.parse(process.env.CRM_MCP_COMMAND);
const bin = join(process.cwd(), "node_modules", ".bin");
// It needs a newer Node than most machines have; the one installed beside it comes first.
const path = [join(process.cwd(), "node_modules", "node", "bin"), process.env.PATH].join(delimiter);
const era = ["--protocol-era", process.argv[2]];

function run(...asked) {
  const command = ["--cli", server.command, ...server.args, ...era, ...asked];
  spawnSync(join(bin, "mcp-inspector"), command, {
    env: { ...process.env, PATH: path },
    stdio: ["ignore", "ignore", "inherit"],
  });
}

run("--method", "tools/list", "--strict");
for (const { name, arguments: given } of JSON.parse(process.env.CRM_MCP_CALLS)) {
  run("--method", "tools/call", "--tool-name", name, "--tool-args-json", JSON.stringify(given));
}
