// What the browser's tests need around the console: a webhook that can be mended, and /v1 by hand.
import { createServer } from "node:http";

export const key = { id: "AKIDpenstockdev", secret: "penstock-dev-secret" };

export function api(base) {
  return async (method, path, body) => {
    const headers = { Authorization: `Bearer ${key.id}:${key.secret}`, "Content-Type": "application/json" };
    const text = body === undefined ? undefined : JSON.stringify(body);
    const response = await fetch(base + path, { method, headers, body: text });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.status === 204 ? null : response.json();
  };
}

// A webhook endpoint. `status` is what it answers.
export async function webhook() {
  const hook = { status: 503, bodies: [] };
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (part) => (body += part));
    request.on("end", () => {
      hook.bodies.push(body);
      response.writeHead(hook.status, { "Content-Type": "text/plain" });
      response.end(hook.status < 300 ? "" : "the turbine is down: intake closed for maintenance");
    });
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  hook.url = `http://127.0.0.1:${server.address().port}/hook`;
  hook.close = () => server.close();
  return hook;
}

export async function until(what, condition, patience_ms = 15_000) {
  const end = Date.now() + patience_ms;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`not within ${patience_ms} ms: ${what}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

export function expect(what, holds) {
  if (!holds) throw new Error(`not so: ${what}`);
}
