// A redrive or a replay under way: how far it is, and the handles to hold it.

import { ask, get, Job } from "../api";
import { count, duration } from "../format";
import { act, Badge, Panel, problemOf, Time, Tone, useAnswer } from "../parts";

const tones: Record<Job["state"], Tone> = { running: "wait", paused: "off", done: "good", cancelled: "off" };

// None was ever started: the server says that there is none.
async function jobAt(path: string): Promise<{ job: Job | null }> {
  try {
    return { job: await get<Job>(path) };
  } catch (failure) {
    if (problemOf(failure).status === 404) return { job: null };
    throw failure;
  }
}

// `turn` changes when one was started.
export function JobPanel(props: { path: string; turn: number }) {
  const answer = useAnswer(() => jobAt(props.path), [props.path, props.turn], 1.5);
  const job = answer.value?.job;
  if (!job) return null;
  const change = async (action: string, words: string) => {
    await act(() => ask("PATCH", props.path, { action }), words);
    answer.again();
  };
  const going = job.state === "running" || job.state === "paused";
  const left = job.seconds_left === undefined || job.state !== "running" ? "" : `, ${duration(job.seconds_left)} left`;
  return (
    <Panel
      title={job.kind === "replay" ? "Replay" : "Redrive"}
      aside={
        <>
          <Badge tone={tones[job.state]}>{job.state}</Badge>
          {job.state === "running" && (
            <button type="button" onClick={() => change("pause", "It is held.")}>
              Hold
            </button>
          )}
          {job.state === "paused" && (
            <button type="button" class="primary" onClick={() => change("resume", "It goes on.")}>
              Go on
            </button>
          )}
          {going && (
            <button type="button" class="danger" onClick={() => change("cancel", "It is cancelled.")}>
              Cancel
            </button>
          )}
        </>
      }
    >
      <progress max={Math.max(1, job.total)} value={going ? job.looked_at : job.total} aria-label="Looked at" />
      <p class="dim">
        {count(job.taken)} of {count(job.total)} sent on their way, {count(Math.round(job.per_second))} a second
        {job.rate !== undefined && ` of at most ${count(job.rate)}`}
        {left}
        {job.open !== undefined && `; ${count(job.open)} not answered yet`}
        {job.failed !== undefined && job.failed > 0 && `; ${count(job.failed)} failed`}
        {job.started_at && (
          <>
            ; begun <Time at={job.started_at} />
          </>
        )}
      </p>
    </Panel>
  );
}
