// Who was close to whom, for how long, and when. console.tsx opens it.
import type { ContactView } from '../../functions/console/types.ts';
import { PersonLink } from '../parts/person.tsx';
import type { Model } from '../state.ts';
import { clock, count, duration } from '../words.ts';

export function ContactsPage({ model }: { model: Model }) {
  const { contacts: rule } = model.task!;
  if (!rule)
    return (
      <div class="card">
        <p>This task does not look for contacts.</p>
        <p class="quiet">
          Add <code>spec.closeContact</code> to the task to learn who came close to whom, for how long, and
          how near.
        </p>
      </div>
    );
  const near =
    rule.distanceM === undefined
      ? 'so close that they touch in the picture'
      : `within ${rule.distanceM} m of each other`;
  return (
    <div class="card">
      <p>
        {count(model.contacts.length, 'pair of people was', 'pairs of people were')} {near} for{' '}
        {duration(rule.minimumS)} or longer.
      </p>
      {model.contacts.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label="Contacts">
          <table>
            <thead>
              <tr>
                <th scope="col">Who</th>
                <th scope="col">With whom</th>
                <th scope="col">Together</th>
                <th scope="col">Nearest</th>
                <th scope="col">When</th>
              </tr>
            </thead>
            <tbody>
              {model.contacts.slice(0, 500).map((contact) => (
                <Row key={contact.identities.join(' ')} contact={contact} model={model} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </div>
  );
}

function Row({ contact: { identities, exposureS, times }, model }: { contact: ContactView; model: Model }) {
  const distances = times.flatMap(({ distanceM }) => (distanceM === null ? [] : [distanceM]));
  return (
    <tr>
      {identities.map((id) => (
        <td key={id}>
          <PersonLink person={model.byIdentity.get(id)} id={id} />
        </td>
      ))}
      <td class="figure">{duration(exposureS)}</td>
      <td class="figure">
        {distances.length === 0 ? 'not measured' : `${Math.min(...distances).toFixed(1)} m`}
      </td>
      <td>{times.map(({ from, exposureS: each }) => `${clock(from)} (${duration(each)})`).join(', ')}</td>
    </tr>
  );
}
