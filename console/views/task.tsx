// What the task is to do and how it is doing, in words. console.tsx opens it.
import type { ComponentChildren } from 'preact';
import type { TaskView, TrafficView } from '../../functions/console/types.ts';
import type { Model } from '../state.ts';
import { clock, count, day, duration, sayCondition, sayState, sayTask, size } from '../words.ts';

export function TaskPage({ model }: { model: Model }) {
  const task = model.task!;
  return (
    <div class="task">
      {task.traffic && <Traffic traffic={task.traffic} />}
      <Section id="does" title="What it does">
        <p>{sayPurpose(task)}</p>
        <dl>
          <dt>Cameras</dt>
          <dd>{task.cameras.map(({ id, source }) => `${id} (${source})`).join(', ')}</dd>
          <dt>Models</dt>
          <dd>{task.models.map(({ stage, name }) => `${name} (${stage})`).join(', ')}</dd>
          {task.targets.length > 0 && (
            <>
              <dt>Looks for</dt>
              <dd>{task.targets.join(', ')}</dd>
            </>
          )}
          <dt>Results are kept</dt>
          <dd>{task.retentionS === undefined ? 'for ever' : `for ${duration(task.retentionS)}`}</dd>
          <dt>Pictures</dt>
          <dd>stay beside the cameras; only times, positions and vectors leave them</dd>
        </dl>
      </Section>
      <Section id="is" title="How it is">
        <p>{sayTask(task)}</p>
        <Conditions task={task} />
        <Stages task={task} />
      </Section>
      <Cameras task={task} />
      <Reports task={task} />
    </div>
  );
}

function Section({ id, title, children }: { id: string; title: string; children: ComponentChildren }) {
  return (
    <section class="card" aria-labelledby={`task-${id}`}>
      <h2 id={`task-${id}`}>{title}</h2>
      {children}
    </section>
  );
}

function sayPurpose({ cameras, mode, contacts, targets, overlaps }: TaskView): string {
  const who =
    mode === 'SingleObject' ? count(targets.length, 'person', 'people') + ' it has pictures of' : 'everybody';
  const parts = [
    `It follows ${who} over ${count(cameras.length, 'camera', 'cameras')}, as one person wherever they are seen.`,
  ];
  if (overlaps.length > 0)
    parts.push(`${count(overlaps.length, 'pair of views overlaps', 'pairs of views overlap')}.`);
  if (contacts) parts.push(`It notes who comes close to whom for ${duration(contacts.minimumS)} or longer.`);
  return parts.join(' ');
}

function Traffic({ traffic: { sentBytes, isCounted, videoBytes, videoFrom } }: { traffic: TrafficView }) {
  const share = videoBytes > 0 ? sentBytes / videoBytes : 0;
  const times = sentBytes > 0 ? Math.round(videoBytes / sentBytes) : 0;
  return (
    <Section id="traffic" title="Bandwidth saved">
      <p class="big">
        <strong>{times >= 2 ? `${times} times less` : `${Math.round((1 - share) * 100)} % less`}</strong> than
        sending the video
      </p>
      <div class="bars">
        <span>To the cloud</span>
        <span class="bar">
          <span style={{ width: `${Math.max(0.4, share * 100)}%` }} />
          <b>{size(sentBytes)}</b>
        </span>
        <span>The video</span>
        <span class="bar video">
          <span style={{ width: '100%' }} />
          <b>{size(videoBytes)}</b>
        </span>
      </div>
      <p class="quiet">
        {isCounted
          ? 'Bytes that edge nodes sent, as they count them'
          : 'To the cloud: 120 bytes for each second that a person is visible, as measured with HTTP headers'}
        .{' '}
        {videoFrom === 'recordings'
          ? 'The video: the size of the recordings, as far as they are done.'
          : 'The video: 1.5 Mbit/s a camera, the least that cameras usually send.'}
      </p>
    </Section>
  );
}

function Conditions({ task }: { task: TaskView }) {
  const { conditions = [] } = task.status;
  if (task.place === 'local') return null;
  if (conditions.length === 0)
    return (
      <p>
        Its conditions are not known here yet. They are told by{' '}
        <code>{`kubectl -n ${task.namespace} describe mei ${task.name}`}</code>
      </p>
    );
  return (
    <Table label="Conditions" columns={['Condition', 'Holds', 'Why']}>
      {conditions.map(({ type, status, reason, message }) => (
        <tr key={type}>
          <th scope="row">
            {sayCondition(type)} <span class="quiet">{type}</span>
          </th>
          <td>{{ True: 'yes', False: 'no', Unknown: 'not known' }[status]}</td>
          <td>{message || reason}</td>
        </tr>
      ))}
    </Table>
  );
}

function Stages({ task }: { task: TaskView }) {
  const { stages = [] } = task.status;
  if (stages.length === 0) return null;
  return (
    <Table label="Stages" columns={['Stage', 'State', 'Workers ready', 'What is wrong']}>
      {stages.map(({ name, phase, readyWorkers = 0, workers = 0, message }) => (
        <tr key={name}>
          <th scope="row">{name}</th>
          <td>{phase}</td>
          <td class="figure">{`${readyWorkers} of ${workers}`}</td>
          <td>{message ?? 'nothing'}</td>
        </tr>
      ))}
    </Table>
  );
}

function Cameras({ task }: { task: TaskView }) {
  return (
    <Section id="cameras" title="Cameras">
      <Table
        label="Cameras"
        columns={['Camera', 'Node', 'State', 'Pictures/s', 'Dropped', 'Done', 'What is wrong']}
      >
        {task.cameras.map(({ id, node, state, fps, dropped, progress, message }) => (
          <tr key={id}>
            <th scope="row">{id}</th>
            <td>{node ?? 'not known'}</td>
            <td>{sayState(state)}</td>
            <td class="figure">{fps?.toFixed(1) ?? ''}</td>
            <td class="figure">{dropped ?? 0}</td>
            <td class="figure">{progress === undefined ? 'live' : `${Math.round(progress * 100)} %`}</td>
            <td>{message ?? 'nothing'}</td>
          </tr>
        ))}
      </Table>
    </Section>
  );
}

function Reports({ task }: { task: TaskView }) {
  const reports = [...(task.status.reports ?? [])].reverse();
  if (reports.length === 0) return null;
  return (
    <Section id="reports" title="What workers reported">
      <ol class="reports">
        {reports.map(({ time, node, stage, phase, message, worker, sequence }) => (
          <li key={`${worker} ${stage} ${sequence}`}>
            <time
              dateTime={time}
            >{`${day(Date.parse(time) / 1000)}, ${clock(Date.parse(time) / 1000)}`}</time>{' '}
            {stage} on {node}: {phase}
            {message !== undefined && `: ${message}`}
          </li>
        ))}
      </ol>
    </Section>
  );
}

function Table(props: { label: string; columns: string[]; children: ComponentChildren }) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={`${props.label}, table`}>
      <table>
        <thead>
          <tr>
            {props.columns.map((column) => (
              <th scope="col" key={column}>
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{props.children}</tbody>
      </table>
    </div>
  );
}
