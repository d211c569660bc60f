// What the key of this tab may do, as the server judges it, and buttons that hold to it. Each act is
// asked about once, those of a page together; the server judges again when it is done.

import { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";

import { get, rememberedKey } from "./api";

interface OwnKey {
  key_id: string;
  root: boolean;
  acts: { action: string; resource: string; allowed: boolean }[];
}

// Beside ACTION:RESOURCE: what is defined with a root key only.
export const asRoot = "root";

interface Question {
  act: string;
  tell: (allowed: boolean) => void;
}

const actsAtATime = 64; // of one GET /v1/keys/self
const judged = new Map<string, Promise<boolean>>();
let questions: Question[] = [];

async function judge(): Promise<void> {
  const asked = questions.splice(0, actsAtATime);
  if (questions.length > 0) queueMicrotask(judge);
  const named = asked.filter((one) => one.act !== asRoot);
  try {
    const query = named.map((one) => `act=${encodeURIComponent(one.act)}`).join("&");
    const own = await get<OwnKey>(`/v1/keys/self?${query}`);
    named.forEach((one, at) => one.tell(own.acts[at].allowed));
    for (const one of asked) if (one.act === asRoot) one.tell(own.root);
  } catch {
    // Who was not told may try, and the next page asks again.
    judged.clear();
    for (const one of asked) one.tell(true);
  }
}

function mayDo(act: string): Promise<boolean> {
  const name = `${rememberedKey()?.id} ${act}`;
  const known = judged.get(name);
  if (known !== undefined) return known;
  const answer = new Promise<boolean>((tell) => {
    if (questions.length === 0) queueMicrotask(judge);
    questions.push({ act, tell });
  });
  judged.set(name, answer);
  return answer;
}

function reasonOf(act: string): string {
  if (act === asRoot) return "Only a root key may do that.";
  const [action, ...resource] = act.split(":");
  return `This key may not do ${action} on ${resource.join(":")}.`;
}

// Why the key may not do all of this; empty: it may; undefined: that is not known yet.
export function useWhyNot(acts: string[]): string | undefined {
  const [reason, setReason] = useState<string | undefined>(undefined);
  useEffect(() => {
    let current = true;
    void Promise.all(acts.map(mayDo)).then((allowed) => {
      const refused = acts.filter((_, at) => !allowed[at]);
      if (current) setReason(refused.length === 0 ? "" : reasonOf(refused[0]));
    });
    return () => {
      current = false;
    };
  }, [acts.join(" ")]);
  return reason;
}

// A button that is there for who may use it, and says why it is not for anybody else.
export function Does(props: {
  acts: string[];
  onClick: () => void;
  class?: string;
  disabled?: boolean;
  children: ComponentChildren;
}) {
  const whyNot = useWhyNot(props.acts);
  return (
    <button
      type="button"
      class={props.class ?? ""}
      disabled={props.disabled === true || whyNot !== ""}
      title={whyNot || undefined}
      onClick={props.onClick}
    >
      {props.children}
    </button>
  );
}

// What a form is replaced by; nothing: the key may.
export function WhyNot(props: { reason: string | undefined }) {
  return props.reason ? <p class="note">{props.reason}</p> : null;
}

// The queue that a dead-letter queue's address means, which may be TOPIC/NAME.
export function letterQueue(name: string): string {
  return `queue/${name.includes("/") ? `${name.replace("/", ".")}.dlq` : name}`;
}
