// How many people were in sight, over time and by camera. console.tsx opens it.
import { useMemo } from 'preact/hooks';
import { countsOf, type Counts } from '../counts.ts';
import { cameraColour } from '../parts/cameraColour.ts';
import type { Model } from '../state.ts';
import { clock, count, duration } from '../words.ts';

const [width, height] = [900, 240];

export function CountsPage({ model }: { model: Model }) {
  const cameras = model.task!.cameras.map(({ id }) => id);
  const counts = useMemo(
    () => (model.identities.length === 0 ? undefined : countsOf(model.identities, cameras)),
    [model.identities, cameras.join()],
  );
  if (!counts) return <p>Nobody was counted yet.</p>;
  const most = Math.max(...counts.all);
  const busiest = counts.all.indexOf(most);
  return (
    <div class="counts">
      <ul class="figures">
        <li class="card">
          <b>{model.identities.length}</b> {model.identities.length === 1 ? 'person' : 'people'} in all
        </li>
        <li class="card">
          <b>{most}</b> at most at a time, at {clock(counts.times[busiest]!)}
        </li>
        {cameras.map((camera) => (
          <li class="card" key={camera}>
            <b>
              {
                model.identities.filter(({ tracks }) => tracks.some((track) => track.camera === camera))
                  .length
              }
            </b>{' '}
            in {camera}
          </li>
        ))}
      </ul>
      <section class="card" aria-labelledby="chart-title">
        <h2 id="chart-title">{`People in sight, in steps of ${duration(counts.stepS)}`}</h2>
        <ul class="legend" aria-hidden="true">
          <li>
            <span class="swatch all" /> all together
          </li>
          {cameras.map((camera, index) => (
            <li key={camera}>
              <span class="swatch" style={{ backgroundColor: cameraColour(index) }} /> {camera}
            </li>
          ))}
        </ul>
        <Chart counts={counts} cameras={cameras} most={most} />
        <details>
          <summary>The same as a table</summary>
          <div class="scroll" tabIndex={0} role="region" aria-label="Counts over time">
            <table>
              <thead>
                <tr>
                  <th scope="col">From</th>
                  <th scope="col">All</th>
                  {cameras.map((camera) => (
                    <th scope="col" key={camera}>
                      {camera}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {counts.times.map((time, step) => (
                  <tr key={time}>
                    <th scope="row">{clock(time)}</th>
                    <td class="figure">{counts.all[step]}</td>
                    {cameras.map((camera) => (
                      <td class="figure" key={camera}>
                        {counts.byCamera.get(camera)![step]}
                      </td>
                    ))}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </details>
      </section>
    </div>
  );
}

function Chart({ counts, cameras, most }: { counts: Counts; cameras: readonly string[]; most: number }) {
  const { times, all, byCamera } = counts;
  const top = Math.max(1, most);
  const x = (step: number) => 34 + (step / times.length) * (width - 44);
  const y = (value: number) => height - 26 - (value / top) * (height - 44);
  const steps = (values: readonly number[]) =>
    values.map((value, step) => `${step === 0 ? 'M' : 'L'}${x(step)} ${y(value)}H${x(step + 1)}`).join('');
  const marks = [...new Set([0, Math.ceil(top / 2), top])];
  const every = Math.ceil(times.length / 8);
  const summary = `${count(most, 'person', 'people')} at most at a time, from ${clock(times[0]!)} to ${clock(times.at(-1)!)}; the table below has every number`;
  return (
    <svg class="chart" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={summary}>
      {marks.map((value) => (
        <g key={value}>
          <line x1="34" x2={width - 10} y1={y(value)} y2={y(value)} />
          <text x="26" y={y(value) + 4} text-anchor="end">
            {value}
          </text>
        </g>
      ))}
      {times.map((time, step) =>
        step % every === 0 ? (
          <text key={time} x={x(step)} y={height - 6} text-anchor="middle">
            {clock(time)}
          </text>
        ) : null,
      )}
      <path class="area" d={`${steps(all)}V${y(0)}H${x(0)}Z`} />
      <path class="all" d={steps(all)} />
      {cameras.map((camera, index) => (
        <path key={camera} d={steps(byCamera.get(camera)!)} stroke={cameraColour(index)} />
      ))}
    </svg>
  );
}
