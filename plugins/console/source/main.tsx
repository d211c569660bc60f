// The frame around the pages: sign-in, navigation, and which page an address leads to.

import { ComponentChildren, render } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { Problem, rememberedKey, signIn, signOut, whenSignedOut } from "./api";
import { live, useLive } from "./live";
import { Notices, Refusal, here, link, problemOf } from "./parts";
import { ClusterPage } from "./pages/cluster";
import { DeadLetterQueuePage, DeadLettersPage } from "./pages/dead_letters";
import { DeliveriesPage } from "./pages/deliveries";
import { FunctionPage, FunctionsPage } from "./pages/functions";
import { MessagePage } from "./pages/message";
import { Overview } from "./pages/overview";
import { QueuePage, QueuesPage } from "./pages/queues";
import { SubscriptionPage, SubscriptionsPage } from "./pages/subscriptions";
import { TopicPage, TopicsPage } from "./pages/topics";
import { WorkersPage } from "./pages/workers";

interface Place {
  path: string;
  name: string;
  icon: string; // of a 24 by 24 grid, drawn with a line
}

const places: Place[] = [
  { path: "", name: "Overview", icon: "M4 19V9m5 10V5m5 14v-7m5 7V8" },
  { path: "queues", name: "Queues", icon: "M4 6h16M4 12h16M4 18h10" },
  { path: "topics", name: "Topics", icon: "M12 12h.01M8 8a6 6 0 0 0 0 8m8-8a6 6 0 0 1 0 8M5 5a10 10 0 0 0 0 14M19 5a10 10 0 0 1 0 14" },
  { path: "subscriptions", name: "Subscriptions", icon: "M5 7h6a4 4 0 0 1 4 4v2a4 4 0 0 0 4 4M16 14l3 3-3 3" },
  { path: "deliveries", name: "Deliveries", icon: "M3 8l9-4 9 4v8l-9 4-9-4zM3 8l9 4 9-4M12 12v8" },
  { path: "dead-letters", name: "Dead letters", icon: "M4 6h16v12H4zM4 7l8 6 8-6M9 21l6-6" },
  { path: "functions", name: "Functions", icon: "M9 5L4 12l5 7M15 5l5 7-5 7" },
  { path: "workers", name: "Workers", icon: "M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM12 3v3m0 12v3M3 12h3m12 0h3M6 6l2 2m8 8l2 2M6 18l2-2m8-8l2-2" },
  { path: "cluster", name: "Cluster", icon: "M12 4a2 2 0 1 0 0 4 2 2 0 0 0 0-4zM5 16a2 2 0 1 0 0 4 2 2 0 0 0 0-4zM19 16a2 2 0 1 0 0 4 2 2 0 0 0 0-4zM11 8l-5 8m7-8l5 8M7 18h10" },
];

function page(address: string[]): { title: string; view: ComponentChildren } {
  const [place, name, part] = address;
  const missing = { title: "Not here", view: <p>There is no such page. The overview is at the top.</p> };
  if (place === undefined) return { title: "Overview", view: <Overview /> };
  if (place === "queues" && name) return { title: name, view: <QueuePage name={name} key={name} /> };
  if (place === "queues") return { title: "Queues", view: <QueuesPage /> };
  if (place === "topics" && name) return { title: name, view: <TopicPage name={name} key={name} /> };
  if (place === "topics") return { title: "Topics", view: <TopicsPage /> };
  if (place === "subscriptions" && name && part)
    return { title: `${name}/${part}`, view: <SubscriptionPage topic={name} name={part} key={`${name}/${part}`} /> };
  if (place === "subscriptions") return { title: "Subscriptions", view: <SubscriptionsPage /> };
  if (place === "deliveries") return { title: "Deliveries", view: <DeliveriesPage only={name ?? ""} key={name} /> };
  if (place === "messages" && name) return { title: `Message ${name}`, view: <MessagePage id={name} key={name} /> };
  if (place === "dead-letters" && name) return { title: name, view: <DeadLetterQueuePage name={name} key={name} /> };
  if (place === "dead-letters") return { title: "Dead letters", view: <DeadLettersPage /> };
  if (place === "functions" && name && part)
    return { title: `${name}/${part}`, view: <FunctionPage topic={name} name={part} key={`${name}/${part}`} /> };
  if (place === "functions") return { title: "Functions", view: <FunctionsPage /> };
  if (place === "workers") return { title: "Workers", view: <WorkersPage /> };
  if (place === "cluster") return { title: "Cluster", view: <ClusterPage /> };
  return missing;
}

function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" />
      <path d="M6 9h7c6 0 4 14 13 14" />
    </svg>
  );
}

function SignIn(props: { done: () => void }) {
  const [id, setId] = useState("");
  const [secret, setSecret] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      await signIn({ id: id.trim(), secret: secret.trim() });
      props.done();
    } catch (failure) {
      setProblem(problemOf(failure));
    }
    setBusy(false);
  };
  return (
    <main class="sign-in">
      <form onSubmit={submit} autocomplete="off">
        <Mark />
        <h1>Penstock</h1>
        <p class="dim">Sign in with a key of this server.</p>
        <label>
          Key id
          <input
            name="key-id"
            required
            autofocus
            autocomplete="username"
            spellcheck={false}
            placeholder="AKID…"
            value={id}
            onInput={(event) => setId((event.target as HTMLInputElement).value)}
          />
        </label>
        <label>
          Secret
          <input
            name="secret"
            type="password"
            required
            autocomplete="current-password"
            value={secret}
            onInput={(event) => setSecret((event.target as HTMLInputElement).value)}
          />
        </label>
        {problem && <Refusal problem={problem} />}
        <button class="primary" disabled={busy}>
          {busy ? "Asking the server…" : "Sign in"}
        </button>
        <p class="note">The key stays in this tab and goes when it is closed.</p>
      </form>
    </main>
  );
}

const connectionWords = { connecting: "connecting", live: "live", broken: "no connection" };

function Pulse() {
  const { connection } = useLive();
  return (
    <span class={`pulse pulse-${connection}`} role="status">
      {connectionWords[connection]}
    </span>
  );
}

function Navigation(props: { current: string; open: boolean; close: () => void }) {
  return (
    <nav id="navigation" class={props.open ? "open" : ""} aria-label="Pages">
      <ul>
        {places.map((place) => (
          <li key={place.path}>
            <a
              href={place.path === "" ? "#/" : link(place.path)}
              aria-current={props.current === place.path ? "page" : undefined}
              onClick={props.close}
            >
              <svg viewBox="0 0 24 24" aria-hidden="true">
                <path d={place.icon} />
              </svg>
              {place.name}
            </a>
          </li>
        ))}
      </ul>
      <p class="who mono" title="The key that is signed in">
        {rememberedKey()?.id}
      </p>
      <button type="button" class="quiet sign-out" onClick={signOut}>
        Sign out
      </button>
    </nav>
  );
}

function Frame() {
  const [address, setAddress] = useState(here());
  const [open, setOpen] = useState(false);
  const title = useRef<HTMLHeadingElement>(null);
  const moved = useRef(false);
  useEffect(() => {
    const move = () => {
      moved.current = true;
      setAddress(here());
      setOpen(false);
    };
    const keys = (event: KeyboardEvent) => {
      const typing = (event.target as HTMLElement).matches("input, textarea, select");
      const search = document.querySelector<HTMLInputElement>("input.search");
      if (event.key === "Escape") setOpen(false);
      if (event.key !== "/" || typing || search === null) return;
      event.preventDefault();
      search.focus();
    };
    window.addEventListener("hashchange", move);
    window.addEventListener("keydown", keys);
    return () => {
      window.removeEventListener("hashchange", move);
      window.removeEventListener("keydown", keys);
    };
  }, []);
  const { title: words, view } = page(address);
  useEffect(() => {
    document.title = `${words} · Penstock`;
    if (!moved.current) return;
    window.scrollTo(0, 0);
    title.current?.focus();
  }, [words]);
  const current = address[0] === "messages" ? "deliveries" : (address[0] ?? "");
  const parent = places.find((place) => place.path === current);
  return (
    <div class="frame">
      <a class="skip" href="#content" onClick={(event) => { event.preventDefault(); title.current?.focus(); }}>
        To the content
      </a>
      <header class="top">
        <button
          type="button"
          class="menu"
          aria-expanded={open}
          aria-controls="navigation"
          aria-label="Pages"
          onClick={() => setOpen(!open)}
        >
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <path d={open ? "M6 6l12 12M18 6L6 18" : "M4 7h16M4 12h16M4 17h16"} />
          </svg>
        </button>
        <a class="brand" href="#/">
          <Mark />
          Penstock
        </a>
        <Pulse />
      </header>
      <Navigation current={current} open={open} close={() => setOpen(false)} />
      <main id="content">
        {address.length > 1 && parent && (
          <p class="trail">
            <a href={link(parent.path)}>{parent.name}</a>
          </p>
        )}
        <h1 tabIndex={-1} ref={title}>
          {words}
        </h1>
        {view}
      </main>
      <Notices />
    </div>
  );
}

function Console() {
  const [known, setKnown] = useState(rememberedKey() !== null);
  useEffect(() => whenSignedOut(() => setKnown(false)), []);
  useEffect(() => {
    if (known) live.start();
    else live.stop();
  }, [known]);
  useEffect(() => {
    if (!known) document.title = "Penstock";
  }, [known]);
  return known ? <Frame /> : <SignIn done={() => setKnown(true)} />;
}

const root = document.getElementById("console");
if (root !== null) {
  root.textContent = "";
  render(<Console />, root);
}
