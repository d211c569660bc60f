// A delivery as a command for the shell, to repeat it by hand.

import { quoted } from "./format";

// As the server sends it in the simplified format. A body that the console does not have is read
// from a file that whoever runs the command makes.
export function curlOf(url: string, message: string, body?: string): string {
  const data = body === undefined ? `@${message}.body` : quoted(body);
  return [
    `curl -i -X POST ${quoted(url)}`,
    "  -H 'Content-Type: text/plain'",
    `  -H ${quoted(`x-cmq-message-id: ${message}`)}`,
    `  --data-binary ${data}`,
  ].join(" \\\n");
}
