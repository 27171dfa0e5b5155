// Asks for a token; console.tsx shows it to whoever is not signed in.
import { useRef, useState } from 'preact/hooks';
import { signIn } from '../state.ts';

export function SignInPage() {
  const [problem, setProblem] = useState('');
  const field = useRef<HTMLInputElement>(null);
  const submit = async (event: Event) => {
    event.preventDefault();
    setProblem('');
    try {
      await signIn(field.current?.value ?? '');
    } catch (error) {
      setProblem((error as Error).message);
      field.current?.focus();
    }
  };
  return (
    <main class="signin">
      <img src="icon.svg" alt="" width="48" height="48" />
      <h1>Sign in</h1>
      <p>This console shows people. Ask its operator for a token.</p>
      <form onSubmit={(event) => void submit(event)}>
        <label for="token">Token</label>
        <input
          id="token"
          ref={field}
          type="password"
          autocomplete="current-password"
          required
          aria-invalid={problem !== ''}
          aria-describedby="token-problem"
        />
        <p id="token-problem" role="alert" class="problem">
          {problem}
        </p>
        <button type="submit">Sign in</button>
      </form>
    </main>
  );
}
