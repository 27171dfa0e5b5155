// The frame of the page: sign-in, the list of views, what is so right now, and the view that is open. app.ts renders it.
import { useEffect, useRef } from 'preact/hooks';
import { api } from './api.ts';
import { linkTo, useRoute, views, type ViewId } from './route.ts';
import { begin, signOut, useModel, type Model } from './state.ts';
import { sayTask } from './words.ts';
import { ContactsPage } from './views/contacts.tsx';
import { CountsPage } from './views/counts.tsx';
import { LivePage } from './views/live.tsx';
import { PeoplePage } from './views/people.tsx';
import { PlacesPage } from './views/places.tsx';
import { SearchPage } from './views/search.tsx';
import { SignInPage } from './views/signIn.tsx';
import { TaskPage } from './views/task.tsx';

export function Console() {
  const model = useModel();
  useEffect(() => void begin(), []);
  if (model.session?.needsToken && model.session.name === undefined) return <SignInPage />;
  if (!model.loaded || !model.task) return <Waiting problem={model.problem} />;
  return <Frame model={model} />;
}

function Waiting({ problem }: { problem: string | undefined }) {
  return (
    <main class="waiting">
      <h1>Multi-edge inference</h1>
      <p role="status">{problem ?? 'Loading what is known ...'}</p>
    </main>
  );
}

function Frame({ model }: { model: Model }) {
  const { view, person } = useRoute();
  const task = model.task!;
  const heading = useRef<HTMLHeadingElement>(null);
  const shown = useRef<ViewId>(view);
  const title = views.find(({ id }) => id === view)!.title;
  useEffect(() => {
    document.title = `${title} · ${task.name}`;
    // Whoever opens another view by keyboard or ear begins at its top.
    if (shown.current !== view) heading.current?.focus();
    shown.current = view;
  }, [view, title, task.name]);
  return (
    <div class="frame">
      <a class="skip" href="#main" onClick={(event) => skipTo(event, heading.current)}>
        To the content
      </a>
      <Header model={model} />
      <nav aria-label="Views">
        <ul>
          {views.map(({ id, title: name }) => (
            <li key={id}>
              <a href={linkTo(id)} aria-current={id === view ? 'page' : undefined}>
                {name}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <main id="main">
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {view === 'live' && <LivePage model={model} />}
        {view === 'people' && <PeoplePage model={model} person={person} />}
        {view === 'search' && <SearchPage model={model} />}
        {view === 'contacts' && <ContactsPage model={model} />}
        {view === 'counts' && <CountsPage model={model} />}
        {view === 'places' && <PlacesPage model={model} />}
        {view === 'task' && <TaskPage model={model} />}
      </main>
    </div>
  );
}

function Header({ model: { task, session, link, identities, problem } }: { model: Model }) {
  const { name, namespace, status, operations } = task!;
  const phase = status.phase ?? 'Starting';
  const mayStop = operations.includes('stop') && session?.role === 'operate' && phase !== 'Completed';
  return (
    <header>
      <div class="who">
        <img src="icon.svg" alt="" width="28" height="28" />
        <p>
          <strong>{name}</strong> <span class="quiet">{namespace}</span>
        </p>
        <span class={`pill ${phase.toLowerCase()}`}>{phase}</span>
        <p class="sentence">{sayTask(task!)}</p>
      </div>
      <div class="now">
        <p>
          <strong class="number">{identities.length}</strong> {identities.length === 1 ? 'person' : 'people'}
        </p>
        <p role="status" class={`link ${link}`}>
          {problem ??
            { starting: 'connecting', open: 'up to date', lost: 'connection lost, trying again' }[link]}
        </p>
        {mayStop && (
          <button type="button" class="plain" onClick={() => void api.stop()}>
            End the run
          </button>
        )}
        {session?.needsToken && (
          <button type="button" class="plain" onClick={() => void signOut()}>
            Sign out {session.name}
          </button>
        )}
      </div>
    </header>
  );
}

/** The address belongs to the views, so the browser cannot jump there by itself. */
function skipTo(event: Event, heading: HTMLElement | null): void {
  event.preventDefault();
  heading?.focus();
}
